//! Tables of texts and what they mean.

use std::fmt::Debug;
use std::str::FromStr;

use super::*;

fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

fn range(first: u16, last: u16) -> PortRange {
    PortRange::new(port(first), port(last)).unwrap()
}

#[test]
fn a_port_is_a_whole_number_from_1_to_65535() {
    for (text, number) in [("1", 1), ("80", 80), ("0080", 80), ("3000", 3000), ("65535", 65_535)] {
        assert_eq!(text.parse(), Ok(port(number)), "{text}");
    }
    for text in ["", "0", "000", "65536", "70000", "99999999999", "-1", "+80", "1.5", " 80", "80 ", "0x50", "web", "٣"]
    {
        let error = text.parse::<Port>().unwrap_err();
        assert_eq!(error, PortError::NotAPort(text.to_owned()));
        assert!(error.to_string().contains("1 to 65535"), "{error}");
    }
    assert_eq!(Port::try_from(0), Err(PortError::NotAPort("0".to_owned())));
    assert_eq!((Port::new(0), u16::from(port(80))), (None, 80));
}

#[test]
fn a_port_knows_its_neighbours_and_its_looks() {
    assert_eq!(port(80).checked_add(1), Some(port(81)));
    assert_eq!((Port::MAX.checked_add(0), Port::MAX.checked_add(1)), (Some(Port::MAX), None));
    assert_eq!((port(80).to_string(), format!("{:?}", port(80))), ("80".to_owned(), ":80".to_owned()));
}

#[test]
fn a_range_is_written_with_a_dash_or_as_one_port() {
    for (text, expected) in [
        ("3000-3099", range(3000, 3099)),
        ("3000", range(3000, 3000)),
        ("3000-3000", range(3000, 3000)),
        (" 3000 - 3099 ", range(3000, 3099)),
        ("1-65535", PortRange::ALL),
    ] {
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }
    let reversed = "3099-3000".parse::<PortRange>().unwrap_err();
    assert_eq!(reversed, PortError::Reversed { first: port(3099), last: port(3000) });
    assert!(reversed.to_string().contains("did you mean 3000-3099"), "{reversed}");
    for (text, culprit) in [
        ("", ""),
        ("-", ""),
        ("3000-", ""),
        ("-3000", ""),
        ("0-5", "0"),
        ("1-70000", "70000"),
        ("1-2-3", "2-3"),
        ("a", "a"),
    ] {
        assert_eq!(text.parse::<PortRange>(), Err(PortError::NotAPort(culprit.to_owned())), "{text:?}");
    }
    assert_eq!((range(3000, 3099).to_string(), range(80, 80).to_string()), ("3000-3099".to_owned(), "80".to_owned()));
    assert_eq!(format!("{:?}", range(3000, 3099)), "3000-3099");
}

#[test]
fn a_range_counts_contains_and_overlaps() {
    assert_eq!([range(80, 80), range(3000, 3099), PortRange::ALL].map(PortRange::count), [1, 100, 65_535]);
    let some = range(3000, 3099);
    assert_eq!([2999, 3000, 3099, 3100].map(|number| some.contains(port(number))), [false, true, true, false]);
    for (other, overlap) in [
        (range(2000, 2999), false),
        (range(2000, 3000), true),
        (range(3050, 3060), true),
        (PortRange::ALL, true),
        (range(3099, 4000), true),
        (range(3100, 4000), false),
    ] {
        assert_eq!((some.overlaps(other), other.overlaps(some)), (overlap, overlap), "{other}");
    }
}

#[test]
fn a_range_is_gone_through_once_from_anywhere() {
    let numbers = |range: PortRange, offset| range.iter_from(offset).map(Port::number).collect::<Vec<_>>();
    assert_eq!(numbers(range(10, 13), 0), [10, 11, 12, 13]);
    assert_eq!(numbers(range(10, 13), 2), [12, 13, 10, 11]);
    assert_eq!(numbers(range(10, 13), u64::MAX), [13, 10, 11, 12], "modulo its length");
    assert_eq!(numbers(range(65_534, 65_535), 1), [65_535, 65_534]);
    assert_eq!(PortRange::ALL.iter_from(65_534).take(2).collect::<Vec<_>>(), [Port::MAX, Port::MIN]);
}

#[test]
fn protocols_cover_their_parts() {
    use Protocol::{Both, Tcp, Udp};
    let table = [Tcp, Udp, Both].map(|one| [Tcp, Udp, Both].map(|other| one.covers(other)));
    assert_eq!(table, [[true, false, false], [false, true, false], [true, true, true]]);
    assert_eq!([Tcp, Udp, Both].map(|one| (one.tcp(), one.udp())), [(true, false), (false, true), (true, true)]);
    assert_eq!([Tcp, Udp, Both].map(|one| one.to_string()), ["tcp", "udp", "both"]);
    assert_eq!(Protocol::default(), Tcp);
}

#[test]
fn a_service_s_name_is_short_and_plain_and_no_port() {
    let longest = "a".repeat(64);
    for name in ["web", "a", "0a", "a0", "Web_2.x-y", "3000x", "web.2", "a..b", "default", &longest] {
        assert_eq!(name.parse::<ServiceName>().map(|name| name.as_str().to_owned()), Ok(name.to_owned()));
    }
    assert_eq!("".parse::<ServiceName>(), Err(ServiceNameError::Empty));
    for len in [65, 300] {
        assert_eq!("a".repeat(len).parse::<ServiceName>(), Err(ServiceNameError::TooLong { len }));
    }
    for digits in ["0", "3000", "99999999"] {
        assert_eq!(digits.parse::<ServiceName>(), Err(ServiceNameError::AllDigits(digits.to_owned())));
    }
    for (name, found) in [
        ("-web", '-'),
        (".web", '.'),
        ("_web", '_'),
        ("../etc/passwd", '.'),
        ("apps/web", '/'),
        ("a b", ' '),
        ("a\0", '\0'),
        ("a\n", '\n'),
        ("größe", 'ö'),
        ("web:1", ':'),
        ("wéb", 'é'),
    ] {
        let error = ServiceNameError::BadCharacter { name: name.to_owned(), found };
        assert_eq!(name.parse::<ServiceName>(), Err(error), "{name:?}");
    }
}

#[test]
fn keys_are_ordered_by_project_then_worktree_then_service() {
    let key = |project: &str, worktree: &str, service: &str| Key {
        project: project.into(),
        worktree: worktree.into(),
        service: service.parse().unwrap(),
    };
    let ordered = [
        key("blog", "/z", "z"),
        key("shop", "/a", "web"),
        key("shop", "/a", "web.2"),
        key("shop", "/a/nested", "api"),
        key("shop", "/b", "api"),
    ];
    assert!(ordered.is_sorted());
    assert_eq!(ordered[1].to_string(), "web of shop (/a)");
    assert_ne!(key("shop", "/a", "web"), key("shop", "/b", "web"));
}

fn every_word<T: Copy + Debug + PartialEq + FromStr<Err = UnknownWord> + ToString>(all: &[(T, &str)]) {
    for (value, word) in all {
        assert_eq!((value.to_string().as_str(), word.parse()), (*word, Ok(*value)));
        let shouted = word.to_uppercase();
        assert_eq!(shouted.parse::<T>().unwrap_err().word, shouted);
    }
    assert!("".parse::<T>().is_err());
}

#[test]
fn words_are_what_they_always_were() {
    use {ClaimEnd as C, EndReason as E, StateWord as S};
    every_word(&[(S::Pending, "pending"), (S::Active, "active"), (S::Lapsing, "lapsing"), (S::Ended, "ended")]);
    every_word(&[
        (Evidence::Lineage, "lineage"),
        (Evidence::Marker, "marker"),
        (Evidence::Worktree, "worktree"),
        (Evidence::Presumed, "presumed"),
        (Evidence::Confirm, "confirm"),
    ]);
    every_word(&[
        (E::Released, "released"),
        (E::HolderExited, "holder_exited"),
        (E::NeverConfirmed, "never_confirmed"),
        (E::Lapsed, "lapsed"),
        (E::Expired, "expired"),
        (E::Replaced, "replaced"),
        (E::Contested, "contested"),
        (E::BindFailed, "bind_failed"),
        (E::Reboot, "reboot"),
    ]);
    every_word(&[
        (C::Forgotten, "forgotten"),
        (C::WorktreeGone, "worktree_gone"),
        (C::Unused, "unused"),
        (C::Pressure, "pressure"),
        (C::TakenOver, "taken_over"),
    ]);
    every_word(&[(QuarantineUntil::Revived, "revived"), (QuarantineUntil::Reboot, "reboot")]);
    every_word(&[(Admit::Nobody, "nobody"), (Admit::Reuse, "reuse")]);
    assert_eq!("up".parse::<S>().unwrap_err().to_string(), "`up` is no StateWord");
}

#[test]
fn evidence_is_ordered_from_the_strongest() {
    use Evidence::{Confirm, Lineage, Marker, Presumed, Worktree};
    assert!([Lineage, Marker, Worktree, Presumed, Confirm].is_sorted());
}

#[test]
fn time_neither_overflows_nor_runs_backwards() {
    assert_eq!(Timestamp(5) + Span(3), Timestamp(8));
    assert_eq!(Timestamp(u64::MAX) + Span(1), Timestamp(u64::MAX));
    assert_eq!((Timestamp(8).since(Timestamp(5)), Timestamp(5).since(Timestamp(8))), (Span(3), Span(0)));
    assert_eq!(
        (Span::from_secs(2), Span::from_days(1), Span::from_millis(7)),
        (Span(2_000), Span(86_400_000), Span(7))
    );
    assert_eq!((Span::from_secs(u64::MAX), Span::from_days(u64::MAX)), (Span(u64::MAX), Span(u64::MAX)));
    assert_eq!((Timestamp(7).as_millis(), Span(7).as_millis()), (7, 7));
}

#[test]
fn a_process_is_its_number_its_birth_and_its_boot() {
    let one = ProcessIdentity { pid: 7, birth: 1, boot: BootId(1) };
    assert_ne!(one, ProcessIdentity { birth: 2, ..one });
    assert_ne!(one, ProcessIdentity { boot: BootId(2), ..one });
    assert_eq!(one.to_string(), "pid 7");
    let boot = BootId(0x0123_4567_89ab_cdef);
    assert_eq!(boot.to_string(), "00000000000000000123456789abcdef");
    assert_eq!(boot.to_string().parse(), Ok(boot));
    assert!(["", "xyz", "-1"].iter().all(|text| text.parse::<BootId>().is_err()));
    assert_eq!(LeaseId(42).to_string(), "42");
}

#[cfg(feature = "serde")]
#[test]
fn what_is_read_from_elsewhere_is_checked() {
    use serde::Deserialize;
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, SeqDeserializer, StrDeserializer, U16Deserializer};

    let name = |text: &'static str| {
        let text: StrDeserializer<'_, Error> = text.into_deserializer();
        ServiceName::deserialize(text)
    };
    assert_eq!(String::from(name("web").unwrap()), "web");
    assert!(name("../web").is_err() && name("3000").is_err());
    let number = |number: u16| {
        let number: U16Deserializer<Error> = number.into_deserializer();
        Port::deserialize(number)
    };
    assert!(number(80).is_ok() && number(0).is_err());
    let pair = |pair: [u16; 2]| PortRange::deserialize(SeqDeserializer::<_, Error>::new(pair.into_iter()));
    assert!(pair([80, 90]).is_ok() && pair([90, 80]).is_err() && pair([0, 80]).is_err());
}
