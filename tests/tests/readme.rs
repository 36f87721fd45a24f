//! What the README shows is what there is.

const README: &str = include_str!("../../README.md");

#[test]
fn its_picture_of_the_dashboard_is_the_one_that_is_drawn() {
    // Drawn, and held to what the program draws, by the dashboard's own tests.
    let drawn = include_str!("../../docs/dashboard.txt").trim_end();
    assert!(README.contains(drawn), "copy docs/dashboard.txt into README.md");
}

#[test]
fn its_test_command_is_the_one_that_ci_runs() {
    assert!(README.contains("$ cargo test --workspace"));
    assert!(include_str!("../../.ci/run").contains("\ncargo test --workspace "));
}
