//! Where the scan of a range starts for a key. It is the same on every machine and in every
//! version: were it to change, teammates would drift apart, and so would a fresh journal from the
//! numbers that were written down elsewhere.

use portus_core::spread;

#[test]
fn the_place_where_a_scan_starts_never_changes() {
    for (user, project, service, linked, expected) in [
        (1000, "shop", "web", None, 0x688c_9176_d676_0eff),
        (1000, "shop", "api", None, 0xaa7d_e645_dd4d_f1a9),
        (1000, "shop", "web", Some("feature-x"), 0x7a75_9cc5_fff8_98a5),
        (1001, "shop", "web", None, 0x548c_91e2_5f3e_550e),
        (0, "", "", None, 0x0721_f858_e1ef_3856),
        (u32::MAX, "größe", "default", Some("ä"), 0x121a_052e_90f7_8da2),
    ] {
        assert_eq!(spread(user, project, service, linked), expected, "{user} {project} {service} {linked:?}");
    }
}

#[test]
fn names_do_not_run_into_each_other() {
    assert_ne!(spread(1000, "shop", "web", None), spread(1000, "shopw", "eb", None));
    assert_ne!(spread(1000, "shop", "web", Some("x")), spread(1000, "shop", "webx", None));
    assert_eq!(spread(1000, "shop", "web", Some("")), spread(1000, "shop", "web", None));
}

#[test]
fn keys_spread_evenly_over_a_range() {
    let mut buckets = [0_u32; 10];
    for number in 0..10_000 {
        let place = spread(1000, "shop", &format!("service-{number}"), None) % 10_000 / 1_000;
        buckets[usize::try_from(place).unwrap()] += 1;
    }
    assert!(buckets.iter().all(|count| (850..1_150).contains(count)), "{buckets:?}");
}
