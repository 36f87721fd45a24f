//! A browser, by the program that each system has for it.

use std::process::{Command, Stdio};

/// Opens a URL, and says in one sentence what came of it.
pub(super) fn open(url: &str) -> String {
    let (program, arguments) = opener();
    let mut command = Command::new(&program);
    // What it says would land in the middle of the picture.
    command.args(arguments).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => format!("opened {url}"),
        Ok(status) => format!("{program} could not open {url} ({status})"),
        Err(error) => format!("cannot open {url}: {program}: {error}"),
    }
}

/// The program, and what it is told before the URL. `BROWSER` is asked first, as other programs do.
fn opener() -> (String, &'static [&'static str]) {
    if let Some(browser) = std::env::var("BROWSER").ok().filter(|browser| !browser.is_empty()) {
        return (browser, &[]);
    }
    match std::env::consts::OS {
        "macos" => ("open".to_owned(), &[]),
        "windows" => ("rundll32".to_owned(), &["url.dll,FileProtocolHandler"]),
        _ => ("xdg-open".to_owned(), &[]),
    }
}
