//! Both codecs carry the same values: those of every sample, and made-up ones.

use crate::arbitrary::Source;
use crate::samples;
use portus_proto::codec::{self, DecodeError};
use portus_proto::frame::{FRAME_LEN_MAX, HEADER_LEN};
use portus_proto::{ClientFrame, Codec, Event, Greeting, Hello, ServerFrame, WallTime, What};
use proptest::prelude::*;

const CODECS: [Codec; 2] = [Codec::Json, Codec::Bincode];

fn there_and_back_client(codec: Codec, frame: &ClientFrame) -> ClientFrame {
    let mut out = Vec::new();
    codec::encode_client(codec, frame, &mut out).unwrap();
    codec::decode_client(codec, &out[HEADER_LEN..]).unwrap()
}

fn there_and_back_server(codec: Codec, frame: &ServerFrame) -> ServerFrame {
    let mut out = Vec::new();
    codec::encode_server(codec, frame, &mut out).unwrap();
    codec::decode_server(codec, &out[HEADER_LEN..]).unwrap()
}

fn is_malformed<T>(outcome: &Result<T, DecodeError>) -> bool {
    matches!(outcome, Err(DecodeError::Malformed { .. }))
}

#[test]
fn both_codecs_carry_every_sample() {
    for codec in CODECS {
        for frame in samples::client_frames() {
            assert_eq!(there_and_back_client(codec, &frame), frame, "{codec:?}");
        }
        for frame in samples::server_frames() {
            assert_eq!(there_and_back_server(codec, &frame), frame, "{codec:?}");
        }
    }
}

proptest! {
    #[test]
    fn both_codecs_carry_made_up_values(seed: u64) {
        let mut source = Source::new(seed);
        let (call, reply): (ClientFrame, ServerFrame) = (source.value(), source.value());
        for codec in CODECS {
            prop_assert_eq!(&there_and_back_client(codec, &call), &call);
            prop_assert_eq!(&there_and_back_server(codec, &reply), &reply);
        }
        let (hello, greeting): (Hello, Greeting) = (source.value(), source.value());
        let mut out = Vec::new();
        codec::encode_hello(&hello, &mut out).unwrap();
        let hello_len = out.len();
        codec::encode_greeting(&greeting, &mut out).unwrap();
        prop_assert_eq!(codec::decode_greeting(&out[hello_len + HEADER_LEN..]).unwrap(), greeting);
        let back = codec::decode_hello(&out[HEADER_LEN..hello_len]).unwrap();
        prop_assert_eq!(back, hello);
    }

    #[test]
    fn any_text_comes_through(text: String) {
        let mut source = Source::new(1);
        let mut frame: ClientFrame = source.value();
        frame.call = portus_proto::Call::List(portus_proto::ListCall {
            scope: portus_proto::Scope::Project(text),
            ended: false,
            after: None,
        });
        for codec in CODECS {
            prop_assert_eq!(&there_and_back_client(codec, &frame), &frame);
        }
    }

    /// Whatever comes in, nothing panics, and what is read can be written and read again.
    #[test]
    fn garbage_is_refused_or_means_something(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for codec in CODECS {
            if let Ok(frame) = codec::decode_client(codec, &bytes) {
                prop_assert_eq!(&there_and_back_client(codec, &frame), &frame);
            }
            let _ = codec::decode_server(codec, &bytes);
        }
    }

    /// A payload that lost its end, gained one, or had a byte changed in between.
    #[test]
    fn damaged_payloads_do_not_panic(seed: u64, at: prop::sample::Index, byte: u8) {
        let mut source = Source::new(seed);
        let frame: ServerFrame = source.value();
        for codec in CODECS {
            let mut out = Vec::new();
            codec::encode_server(codec, &frame, &mut out).unwrap();
            let mut payload = out.split_off(HEADER_LEN);
            let cut = at.index(payload.len());
            prop_assert!(is_malformed(&codec::decode_server(codec, &payload[..cut])));
            let mut longer = payload.clone();
            longer.push(b'0' + byte % 10);
            prop_assert!(is_malformed(&codec::decode_server(codec, &longer)));
            payload[cut] = byte;
            let _ = codec::decode_server(codec, &payload);
        }
    }

    #[test]
    fn times_keep_their_milliseconds(ms in 0_u64..253_402_207_200_000) {
        let time = WallTime(ms);
        let text = serde_json::to_string(&time).unwrap();
        prop_assert_eq!(serde_json::from_str::<WallTime>(&text).unwrap(), time);
    }
}

#[test]
fn times_are_rfc_3339_with_milliseconds() {
    let written = |ms| serde_json::to_string(&WallTime(ms)).unwrap();
    assert_eq!(written(0), r#""1970-01-01T00:00:00.000Z""#);
    assert_eq!(written(1_795_280_400_007), r#""2026-11-21T17:00:00.007Z""#);
    let read = |text: &str| serde_json::from_str::<WallTime>(text).map(|time| time.0).ok();
    assert_eq!(
        read(r#""2026-11-21T18:00:00.007+01:00""#),
        Some(1_795_280_400_007),
        "another offset is the same instant"
    );
    assert_eq!(read(r#""2026-11-21T17:00:00Z""#), Some(1_795_280_400_000));
    assert_eq!(read(r#""1969-12-31T23:59:59Z""#), None, "there was no Portus then");
    assert_eq!(read("1795280400007"), None, "a number has no unit");
}

/// A length that a bincode payload claims is not believed.
#[test]
fn a_claimed_length_allocates_nothing() {
    // id 1, method 13 (`forget`), then a list that claims 2^62 keys.
    let mut payload = vec![1, 13, 253];
    payload.extend((1_u64 << 62).to_le_bytes());
    assert!(matches!(codec::decode_client(Codec::Bincode, &payload), Err(DecodeError::Malformed { .. })));
}

/// Nothing that fits into a frame is too much for bincode's own counting, also where that counts eight for one.
#[test]
fn a_frame_full_of_small_numbers_is_read() {
    let leases = (0..1_000_000).map(|nth| portus_core::LeaseId(nth % 200)).collect();
    let frame =
        ClientFrame { id: 1, call: portus_proto::Call::Launch(portus_proto::LaunchCall { leases, hand_over: false }) };
    assert_eq!(there_and_back_client(Codec::Bincode, &frame), frame);
}

/// As large as a frame may be, in either codec, is not too large.
#[test]
fn a_full_frame_is_read() {
    for codec in CODECS {
        let frame = |len: usize| ClientFrame {
            id: 1,
            call: portus_proto::Call::List(portus_proto::ListCall {
                scope: portus_proto::Scope::Project("a".repeat(len)),
                ended: false,
                after: None,
            }),
        };
        let (mut small, mut full, mut over) = (vec![], vec![], vec![]);
        // Long enough that a length written in front of the text has its greatest size.
        codec::encode_client(codec, &frame(100_000), &mut small).unwrap();
        let around = small.len() - HEADER_LEN - 100_000;
        codec::encode_client(codec, &frame(FRAME_LEN_MAX - around), &mut full).unwrap();
        assert_eq!(full.len(), FRAME_LEN_MAX + HEADER_LEN);
        codec::decode_client(codec, &full[HEADER_LEN..]).unwrap();
        let error = codec::encode_client(codec, &frame(FRAME_LEN_MAX - around + 1), &mut over).unwrap_err();
        assert_eq!(error, codec::EncodeError::TooLong { max: FRAME_LEN_MAX });
        assert!(over.is_empty(), "a frame that is not written leaves nothing behind");
    }
}

#[test]
fn a_time_that_has_no_text_is_read_in_no_codec() {
    let last = 253_402_207_200_000;
    for (ms, readable) in [(0, true), (last, true), (last + 1, false), (u64::MAX, false)] {
        let event = ServerFrame::Event(Event { at: WallTime(ms), what: What::Missed(17) });
        let mut out = Vec::new();
        codec::encode_server(Codec::Bincode, &event, &mut out).unwrap();
        let read = codec::decode_server(Codec::Bincode, &out[HEADER_LEN..]);
        assert_eq!(read.is_ok_and(|read| read == event), readable, "{ms}");
    }
}
