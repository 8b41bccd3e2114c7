//! [`Encoder`]: encodes a client's messages as frames of a WebSocket, and masks their payloads. `decode.rs` has the other direction.

use bytes::{Buf as _, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode;

/// Masked bytes that are held at most, apart from frames queued without a look at [`backlog`](Encoder::backlog). A larger
/// payload is masked piece by piece as the connection takes it, so that it is never in memory twice.
pub(super) const CHUNK_BYTES: usize = 128 * 1024;

/// Encodes frames one after the other, each with a random key as RFC 6455 demands of clients.
#[derive(Default)]
pub(super) struct Encoder {
    /// Bytes to be written next.
    buffer: BytesMut,
    /// The rest of the last frame's payload, which is not masked yet and follows the buffer.
    payload: Bytes,
    /// The key of that frame, rotated to the first byte of the rest.
    key: [u8; 4],
}

impl Encoder {
    /// Queues a frame behind all others. Only a large payload is kept; a small one is copied.
    pub(super) fn push(&mut self, opcode: OpCode, is_final: bool, payload: &Bytes) {
        self.mask_up_to(usize::MAX);
        self.key = rand::random();
        self.push_header(opcode, is_final, payload.len());
        let masked = payload.len().min(CHUNK_BYTES.saturating_sub(self.buffer.len()));
        self.push_masked(&payload[..masked]);
        if masked < payload.len() {
            self.payload = payload.slice(masked..);
        }
    }

    /// Writes the header of a frame as RFC 6455, section 5.2, has it.
    fn push_header(&mut self, opcode: OpCode, is_final: bool, length: usize) {
        const FINAL: u8 = 0x80;
        const MASKED: u8 = 0x80;
        let first = u8::from(opcode) | if is_final { FINAL } else { 0 };
        let [a, b, c, d] = self.key;
        if let Ok(length @ ..126) = u8::try_from(length) {
            self.buffer.extend_from_slice(&[first, MASKED | length, a, b, c, d]);
        } else if let Ok(length) = u16::try_from(length) {
            let [high, low] = length.to_be_bytes();
            self.buffer.extend_from_slice(&[first, MASKED | 126, high, low, a, b, c, d]);
        } else {
            self.buffer.extend_from_slice(&[first, MASKED | 127]);
            // A length of memory fits 64 bits on every platform that Rust has.
            self.buffer.extend_from_slice(&(length as u64).to_be_bytes());
            self.buffer.extend_from_slice(&self.key);
        }
    }

    /// The bytes to write next; empty once everything is written.
    pub(super) fn chunk(&mut self) -> &[u8] {
        if self.buffer.is_empty() {
            self.mask_up_to(CHUNK_BYTES);
        }
        &self.buffer
    }

    /// Drops bytes from the front of [`chunk`](Self::chunk), which were written.
    pub(super) fn advance(&mut self, written: usize) {
        self.buffer.advance(written);
    }

    /// Bytes that are queued and not written.
    pub(super) fn backlog(&self) -> usize {
        self.buffer.len() + self.payload.len()
    }

    /// True if the buffer takes a small frame. Without this bound, a small frame would have the rest of a large one masked at once, and
    /// a flood of them would fill the memory.
    pub(super) fn has_room(&self) -> bool {
        self.payload.is_empty() && self.buffer.len() < CHUNK_BYTES
    }

    /// Masks the rest of the payload until the buffer has that many bytes.
    fn mask_up_to(&mut self, buffered: usize) {
        let masked = buffered.saturating_sub(self.buffer.len()).min(self.payload.len());
        if masked > 0 {
            let part = self.payload.split_to(masked);
            self.push_masked(&part);
        }
        if self.payload.is_empty() {
            // A slice of no bytes would keep the whole payload.
            self.payload = Bytes::new();
        }
    }

    /// Appends the next bytes of a payload, masked.
    fn push_masked(&mut self, bytes: &[u8]) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        apply_mask(&mut self.buffer[start..], self.key);
        self.key.rotate_left(bytes.len() % 4);
    }
}

/// Masks bytes, the first of them with the first byte of the key. Eight at a time, which compilers turn into vector instructions.
fn apply_mask(bytes: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data};

    use super::*;

    const TEXT: OpCode = OpCode::Data(Data::Text);

    /// All bytes of the queue, taken `step` bytes at a time.
    fn drained(encoder: &mut Encoder, step: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !encoder.chunk().is_empty() {
            let chunk = encoder.chunk();
            let written = step.min(chunk.len());
            bytes.extend_from_slice(&chunk[..written]);
            encoder.advance(written);
        }
        bytes
    }

    /// The payload of the only frame in there, unmasked byte by byte as RFC 6455, section 5.3, has it.
    fn unmasked(bytes: &[u8]) -> (FrameHeader, Vec<u8>) {
        let mut cursor = std::io::Cursor::new(bytes);
        let (header, length) = FrameHeader::parse(&mut cursor).expect("a header").expect("all of it");
        let payload = &bytes[usize::try_from(cursor.position()).expect("small")..];
        assert_eq!(payload.len() as u64, length);
        let key = header.mask.expect("a client masks");
        let payload = payload.iter().enumerate().map(|(index, byte)| byte ^ key[index % 4]).collect();
        (header, payload)
    }

    #[test]
    fn the_masked_hello_of_the_rfc_is_its_hello() {
        let mut bytes = *b"Hello";
        apply_mask(&mut bytes, [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(bytes, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn a_frame_has_a_key_of_its_own() {
        let mut keys = std::collections::BTreeSet::new();
        let mut encoder = Encoder::default();
        for _ in 0..64 {
            encoder.push(OpCode::Control(Control::Ping), true, &Bytes::new());
            keys.insert(drained(&mut encoder, usize::MAX)[2..6].to_vec());
        }
        assert!(keys.len() > 60, "keys of 32 random bits do not repeat: {keys:?}");
    }

    #[test]
    fn a_large_payload_is_never_in_memory_twice() {
        let payload = Bytes::from(vec![b'x'; 10 * CHUNK_BYTES]);
        let mut encoder = Encoder::default();
        encoder.push(TEXT, true, &payload);
        let mut bytes = 0;
        while !encoder.chunk().is_empty() {
            assert!(encoder.buffer.capacity() <= 2 * CHUNK_BYTES, "{}", encoder.buffer.capacity());
            let written = encoder.chunk().len().min(1000);
            encoder.advance(written);
            bytes += written;
        }
        assert_eq!(bytes, payload.len() + 14);
        assert!(payload.is_unique(), "the encoder has let go of the payload");
    }

    proptest! {
        #[test]
        fn payloads_of_every_length_are_masked_as_the_rfc_has_it(
            length in prop_oneof![0..300_usize, 65_400..65_700_usize, Just(3 * CHUNK_BYTES + 5)],
            step in prop_oneof![1..200_usize, Just(CHUNK_BYTES)],
        ) {
            let payload: Vec<u8> = (0..length).map(|index| u8::try_from(index % 251).expect("small")).collect();
            let mut encoder = Encoder::default();
            encoder.push(TEXT, false, &payload.clone().into());
            prop_assert_eq!(encoder.backlog() - length, if length < 126 { 6 } else if length < 65_536 { 8 } else { 14 });
            let (header, received) = unmasked(&drained(&mut encoder, step));
            prop_assert_eq!((header.opcode, header.is_final), (TEXT, false));
            prop_assert!(received == payload);
        }
    }
}
