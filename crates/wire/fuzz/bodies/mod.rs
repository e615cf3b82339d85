//! What the fuzz targets do. The same functions run as property tests on stable, see `tests/fuzzed.rs`.
//!
//! A body panics when something does not hold. `*_in` takes bytes from a peer, `*_out` makes a PDU of
//! them and sends it; both know the PDUs of both sides, the client's and the gateway's.

pub mod cmpp;
pub mod sgip;
pub mod smgp;
#[cfg(feature = "smpp")]
pub mod smpp;
pub mod source;

use watchbell_wire::{
    Decoded, Frame, FrameLimits, FrameReader, Protocol, decode, text, udh, view::Describe,
};

/// Bytes from a peer. Whatever is read can be shown, and written again unless a field breaks a limit of
/// the document; then it reads back the same.
pub fn bytes_in<P: Describe>(bytes: &[u8], version: P::Version, content: fn(&P::Pdu) -> &[u8]) {
    let mut reader = FrameReader::<P>::new(version, FrameLimits::default());
    reader.push(bytes);
    loop {
        let before = reader.buffered();
        match reader.next_frame() {
            Ok(None) => break,
            Ok(Some(frame)) => frame_in(&frame, version, content(&frame.pdu)),
            Err(error) if error.is_fatal() => break,
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        assert!(reader.buffered() < before, "no progress");
    }
}

fn frame_in<P: Describe>(frame: &Frame<P>, version: P::Version, content: &[u8]) {
    assert!(frame.view(version).to_string().starts_with('{'));
    if let Ok(data) = udh::parse(content) {
        assert!(data.payload.len() < content.len());
    }
    for coding in [0, 3, 8, 15] {
        let _ = text::decode(content, text::Coding::from_msg_fmt(coding));
        let _ = text::decode(content, text::Coding::from_data_coding(coding));
    }
    if let Ok(encoded) = frame.to_bytes(version) {
        let size = encoded.len();
        let again = decode(&encoded, version, &FrameLimits::default());
        assert_eq!(again, Ok(Decoded::Frame(frame.clone(), size)));
    }
}

/// A frame to a peer. Every frame of ours is written and reads back the same, whole and in two pieces.
pub fn frame_out<P: Protocol>(frame: &Frame<P>, version: P::Version, cut: usize) {
    let encoded = frame
        .to_bytes(version)
        .expect("every field is within its limits");
    let decoded = decode(&encoded, version, &FrameLimits::default());
    assert_eq!(decoded, Ok(Decoded::Frame(frame.clone(), encoded.len())));
    let (first, rest) = encoded.split_at(cut % encoded.len());
    let mut reader = FrameReader::<P>::new(version, FrameLimits::default());
    reader.push(first);
    assert_eq!(reader.next_frame(), Ok(None));
    reader.push(rest);
    assert_eq!(reader.next_frame(), Ok(Some(frame.clone())));
    assert_eq!(reader.buffered(), 0);
}
