//! Frames in streams that are cut anywhere, broken, or made to hurt.

use portus_proto::frame::{self, Decoder, FRAME_LEN_MAX, FrameError, HEADER_LEN};
use proptest::prelude::*;

fn stream(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for payload in payloads {
        frame::encode(payload, &mut out).unwrap();
    }
    out
}

fn take_all(decoder: &mut Decoder) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| decoder.next_frame().unwrap().map(<[u8]>::to_vec)).collect()
}

/// Lends the decoder's own room to a read that returns at most `len` bytes.
fn read(decoder: &mut Decoder, rest: &mut &[u8], len: usize) {
    let spare = decoder.spare();
    assert!(!spare.is_empty(), "a read into no room looks like the end of the stream");
    let len = len.min(spare.len()).min(rest.len());
    let (now, later) = rest.split_at(len);
    spare[..len].copy_from_slice(now);
    *rest = later;
    decoder.filled(len);
}

#[test]
fn a_frame_is_its_length_and_its_payload() {
    let mut out = vec![9];
    frame::encode(b"hey", &mut out).unwrap();
    assert_eq!(out, [9, 0, 0, 0, 3, b'h', b'e', b'y']);
}

#[test]
fn byte_by_byte_is_as_good_as_at_once() {
    let payloads = vec![b"one".to_vec(), vec![0; 10_000], b"three".to_vec()];
    let bytes = stream(&payloads);
    let mut at_once = Decoder::new();
    at_once.feed(&bytes);
    assert_eq!(take_all(&mut at_once), payloads);
    let (mut fed, mut filled) = (Decoder::new(), Decoder::new());
    let (mut from_fed, mut from_filled) = (vec![], vec![]);
    for byte in &bytes {
        fed.feed(&[*byte]);
        from_fed.extend(take_all(&mut fed));
        read(&mut filled, &mut &[*byte][..], 1);
        from_filled.extend(take_all(&mut filled));
    }
    assert_eq!(from_fed, payloads);
    assert_eq!(from_filled, payloads);
    assert_eq!((fed.finish(), filled.finish()), (Ok(()), Ok(())));
}

/// Some payloads, each of one byte repeated: what is in them does not matter, and long random ones take long.
fn payloads(len_max: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let payload = (any::<u8>(), 1..len_max).prop_map(|(byte, len)| vec![byte; len]);
    prop::collection::vec(payload, 0..20)
}

proptest! {
    #[test]
    fn cuts_do_not_matter(
        payloads in payloads(20_000),
        reads in prop::collection::vec(1_usize..9_000, 1..50),
    ) {
        let bytes = stream(&payloads);
        let (mut rest, mut reads, mut seen) = (bytes.as_slice(), reads.into_iter().cycle(), vec![]);
        let mut decoder = Decoder::new();
        while !rest.is_empty() {
            read(&mut decoder, &mut rest, reads.next().unwrap());
            seen.extend(take_all(&mut decoder));
        }
        prop_assert_eq!(seen, payloads);
        prop_assert_eq!(decoder.finish(), Ok(()));
    }

    /// Frames may also be taken late, while more keeps coming.
    #[test]
    fn frames_may_wait(payloads in payloads(5_000), len in 1_usize..4_000) {
        let bytes = stream(&payloads);
        let mut rest = bytes.as_slice();
        let mut decoder = Decoder::new();
        while !rest.is_empty() {
            read(&mut decoder, &mut rest, len);
        }
        prop_assert_eq!(take_all(&mut decoder), payloads);
    }

    #[test]
    fn garbage_never_panics_nor_hoards(bytes in prop::collection::vec(any::<u8>(), 0..4_000)) {
        let mut decoder = Decoder::new();
        for chunk in bytes.chunks(7) {
            decoder.feed(chunk);
            while let Ok(Some(_)) = decoder.next_frame() {}
        }
        prop_assert!(decoder.memory_len() <= 16 * 1024);
    }
}

#[test]
fn a_frame_that_is_too_long_is_known_by_its_header() {
    for len in [u32::try_from(FRAME_LEN_MAX).unwrap() + 1, u32::MAX, u32::from_be_bytes(*b"GET ")] {
        let mut decoder = Decoder::new();
        decoder.feed(&len.to_be_bytes()[..3]);
        assert_eq!(decoder.next_frame(), Ok(None));
        decoder.feed(&len.to_be_bytes()[3..]);
        let error = FrameError::TooLong { len, max: FRAME_LEN_MAX };
        assert_eq!(decoder.next_frame(), Err(error));
        assert!(error.to_string().contains(&len.to_string()), "{error}");
        // What comes behind it is neither kept nor read.
        decoder.feed(&stream(&[vec![1; 100_000]]));
        decoder.spare()[0] = 1;
        decoder.filled(1);
        assert_eq!(decoder.next_frame(), Err(error));
        assert_eq!(decoder.finish(), Err(error));
        assert!(decoder.memory_len() <= 16 * 1024, "{}", decoder.memory_len());
    }
}

#[test]
fn an_empty_frame_is_an_error() {
    let mut decoder = Decoder::new();
    decoder.feed(&[0, 0, 0, 1, 7, 0, 0, 0, 0]);
    assert_eq!(decoder.next_frame(), Ok(Some(&[7][..])));
    assert_eq!(decoder.next_frame(), Err(FrameError::Empty));
}

#[test]
fn the_end_of_a_stream_is_no_end_of_a_frame() {
    let mut decoder = Decoder::new();
    assert_eq!(decoder.finish(), Ok(()));
    decoder.feed(&[0, 0]);
    assert_eq!(decoder.finish(), Err(FrameError::Truncated { have: 2, want: HEADER_LEN }));
    decoder.feed(&[0, 9, 1]);
    assert_eq!(decoder.next_frame(), Ok(None));
    assert_eq!(decoder.finish(), Err(FrameError::Truncated { have: 5, want: HEADER_LEN + 9 }));
}

#[test]
fn a_promise_of_much_is_not_paid_in_advance() {
    let mut decoder = Decoder::new();
    decoder.feed(&u32::try_from(FRAME_LEN_MAX).unwrap().to_be_bytes());
    assert_eq!(decoder.next_frame(), Ok(None));
    decoder.spare();
    assert!(decoder.memory_len() <= 16 * 1024, "{}", decoder.memory_len());
}

#[test]
fn memory_is_bounded_and_given_back() {
    let large = stream(&[vec![7; FRAME_LEN_MAX], vec![8; FRAME_LEN_MAX]]);
    let mut decoder = Decoder::new();
    let mut rest = large.as_slice();
    let mut seen = 0;
    while !rest.is_empty() {
        read(&mut decoder, &mut rest, usize::MAX);
        seen += take_all(&mut decoder).len();
        assert!(decoder.memory_len() <= 2 * FRAME_LEN_MAX, "{}", decoder.memory_len());
    }
    assert_eq!(seen, 2);
    decoder.spare();
    assert!(decoder.memory_len() <= 16 * 1024, "{}", decoder.memory_len());
}

/// Many small frames in one read are taken where they lie.
#[test]
fn pipelined_frames_are_not_moved() {
    let bytes = stream(&vec![vec![1]; 200]);
    let mut decoder = Decoder::new();
    decoder.feed(&bytes);
    let mut last = None;
    while let Some(payload) = decoder.next_frame().unwrap() {
        let address = payload.as_ptr() as usize;
        if let Some(last) = last.replace(address) {
            assert_eq!(address, last + HEADER_LEN + 1);
        }
    }
}

/// Reads a stream as a socket would: as much at a time as there is room. How many reads it took.
fn read_all(decoder: &mut Decoder, mut stream: &[u8]) -> usize {
    let mut reads = 0;
    while !stream.is_empty() {
        let room = decoder.spare();
        let len = room.len().min(stream.len());
        room[..len].copy_from_slice(&stream[..len]);
        decoder.filled(len);
        stream = &stream[len..];
        reads += 1;
    }
    reads
}

#[test]
fn a_long_frame_takes_few_reads_and_its_memory_is_given_back() {
    let mut long = Vec::new();
    frame::encode(&vec![7; FRAME_LEN_MAX], &mut long).unwrap();
    let mut decoder = Decoder::new();
    assert_eq!(decoder.memory_len(), 0);
    let reads = read_all(&mut decoder, &long);
    assert!(reads < 20, "{reads} reads");
    assert!(decoder.memory_len() > FRAME_LEN_MAX, "it is all there");
    assert_eq!(decoder.next_frame().unwrap().map(<[u8]>::len), Some(FRAME_LEN_MAX));
    decoder.spare();
    assert!(decoder.memory_len() <= 64 * 1024, "{} bytes are kept", decoder.memory_len());
}

#[test]
fn much_at_once_finds_room_after_a_long_frame() {
    let (mut long, mut next) = (Vec::new(), Vec::new());
    frame::encode(&vec![7; FRAME_LEN_MAX], &mut long).unwrap();
    frame::encode(&vec![8; 100_000], &mut next).unwrap();
    let mut decoder = Decoder::new();
    decoder.feed(&long);
    assert!(decoder.next_frame().unwrap().is_some());
    decoder.feed(&next);
    assert_eq!(decoder.next_frame().unwrap(), Some(&[8; 100_000][..]));
}
