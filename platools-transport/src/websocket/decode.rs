//! [`Decoder`]: decodes the bytes that a server sends into messages of a WebSocket. `encode.rs` has the other direction.

use std::io::Cursor;

use bytes::buf::Limit;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as SocketError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Bytes of the first read: a machine may run hundreds of workers that have little to do.
const READ_BYTES: usize = 16 * 1024;

/// Bytes of one read at most. Reads grow while they fill their room.
const MAX_READ_BYTES: usize = 128 * 1024;

/// Less room than this is not worth a read.
const MIN_READ_BYTES: usize = 1024;

/// The largest payload of a control frame, as RFC 6455 has it.
pub(super) const MAX_CONTROL_BYTES: usize = 125;

/// Decodes the frames of a server and puts fragments together. The first error is final: what follows it has no meaning.
pub(super) struct Decoder {
    /// Bytes that were read and not decoded.
    buffer: BytesMut,
    /// The frame whose payload is awaited, and its length.
    header: Option<(FrameHeader, usize)>,
    /// The kind and the fragments of a message whose last fragment is awaited.
    partial: Option<(Data, BytesMut)>,
    max_message_bytes: usize,
    /// Room for the next read.
    read_bytes: usize,
}

impl Decoder {
    /// A decoder of what was read already and of all that follows.
    pub(super) fn new(early: &[u8], max_message_bytes: usize) -> Self {
        Self { buffer: BytesMut::from(early), header: None, partial: None, max_message_bytes, read_bytes: READ_BYTES }
    }

    /// The next message, if all of it was read.
    pub(super) fn decode(&mut self) -> Result<Option<Message>, SocketError> {
        while let Some((header, payload)) = self.frame()? {
            if let Some(message) = self.message(&header, payload)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Room for a read. It grows with the bytes that have arrived, and not with the length that a frame declares.
    pub(super) fn space(&mut self) -> Limit<&mut BytesMut> {
        let missing = self.header.as_ref().map_or(0, |(_, length)| length.saturating_sub(self.buffer.len()));
        let needed = missing.min(self.buffer.len().max(self.read_bytes)).max(MIN_READ_BYTES);
        if self.buffer.capacity() - self.buffer.len() < needed {
            self.buffer.reserve(needed.max(self.read_bytes));
        }
        // A large payload is read to its end only, so that nothing has to be moved out of its memory.
        (&mut self.buffer).limit(missing.max(self.read_bytes))
    }

    /// Notes the bytes of a read, by which the room for the next ones is judged.
    pub(super) fn note_read(&mut self, bytes: usize) {
        if bytes >= self.read_bytes {
            self.read_bytes = (self.read_bytes * 2).min(MAX_READ_BYTES);
        } else if bytes < self.read_bytes / 4 {
            self.read_bytes = (self.read_bytes / 2).max(READ_BYTES);
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// The next frame, if all of it was read.
    fn frame(&mut self) -> Result<Option<(FrameHeader, BytesMut)>, SocketError> {
        if self.header.is_none() {
            self.header = self.header()?;
        }
        let read = self.buffer.len();
        let Some((header, length)) = self.header.take_if(|(_, length)| *length <= read) else { return Ok(None) };
        let payload = self.buffer.split_to(length);
        if length > READ_BYTES {
            // The memory of a large payload ends with it.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        Ok(Some((header, payload)))
    }

    /// The next header and the length of its payload. Violations are found here, before any payload is read.
    fn header(&mut self) -> Result<Option<(FrameHeader, usize)>, SocketError> {
        let mut cursor = Cursor::new(&self.buffer[..]);
        let Some((header, length)) = FrameHeader::parse(&mut cursor)? else { return Ok(None) };
        let header_bytes = usize::try_from(cursor.position()).expect("a header has at most 14 bytes");
        check(&header, length)?;
        let length = bounded(usize::try_from(length).unwrap_or(usize::MAX), self.max_message_bytes)?;
        self.buffer.advance(header_bytes);
        Ok(Some((header, length)))
    }

    /// The message that a frame is or completes.
    fn message(&mut self, header: &FrameHeader, payload: BytesMut) -> Result<Option<Message>, SocketError> {
        match header.opcode {
            OpCode::Data(kind) => self.data(kind, header.is_final, payload),
            OpCode::Control(Control::Ping) => Ok(Some(Message::Ping(payload.freeze()))),
            OpCode::Control(Control::Pong) => Ok(Some(Message::Pong(payload.freeze()))),
            OpCode::Control(Control::Close) => Ok(Some(Message::Close(close_frame(payload.freeze())?))),
            OpCode::Control(Control::Reserved(code)) => Err(ProtocolError::UnknownControlFrameType(code).into()),
        }
    }

    fn data(&mut self, kind: Data, is_final: bool, payload: BytesMut) -> Result<Option<Message>, SocketError> {
        let (kind, message) = match (kind, self.partial.take()) {
            (Data::Continue, Some((kind, mut message))) => {
                bounded(message.len() + payload.len(), self.max_message_bytes)?;
                message.extend_from_slice(&payload);
                (kind, message)
            }
            (Data::Continue, None) => return Err(ProtocolError::UnexpectedContinueFrame.into()),
            (Data::Reserved(code), _) => return Err(ProtocolError::UnknownDataFrameType(code).into()),
            (kind, Some(_)) => return Err(ProtocolError::ExpectedFragment(kind).into()),
            (kind, None) => (kind, payload),
        };
        if !is_final {
            self.partial = Some((kind, message));
            return Ok(None);
        }
        let message = message.freeze();
        Ok(Some(if kind == Data::Text { Message::Text(message.try_into()?) } else { Message::Binary(message) }))
    }
}

/// Checks a header against the rules for frames of a server without extensions.
fn check(header: &FrameHeader, length: u64) -> Result<(), ProtocolError> {
    if header.rsv1 || header.rsv2 || header.rsv3 {
        return Err(ProtocolError::NonZeroReservedBits);
    }
    if header.mask.is_some() {
        return Err(ProtocolError::MaskedFrameFromServer);
    }
    match header.opcode {
        OpCode::Control(_) if !header.is_final => Err(ProtocolError::FragmentedControlFrame),
        OpCode::Control(_) if length > MAX_CONTROL_BYTES as u64 => Err(ProtocolError::ControlFrameTooBig),
        OpCode::Control(_) | OpCode::Data(_) => Ok(()),
    }
}

fn bounded(size: usize, max_size: usize) -> Result<usize, CapacityError> {
    if size > max_size { Err(CapacityError::MessageTooLong { size, max_size }) } else { Ok(size) }
}

/// The code and the reason of a close. A code that must not be sent stands for a violation.
fn close_frame(payload: Bytes) -> Result<Option<CloseFrame>, SocketError> {
    match payload[..] {
        [] => Ok(None),
        [_] => Err(ProtocolError::InvalidCloseSequence.into()),
        [high, low, ..] => {
            let code = CloseCode::from(u16::from_be_bytes([high, low]));
            let reason = Utf8Bytes::try_from(payload.slice(2..))?;
            if code.is_allowed() {
                return Ok(Some(CloseFrame { code, reason }));
            }
            Ok(Some(CloseFrame { code: CloseCode::Protocol, reason: Utf8Bytes::from_static("Protocol violation") }))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 100_000;

    /// Messages that the bytes are decoded to, when they are read `step` at a time, and the error at their end.
    fn decoded(bytes: &[u8], step: usize) -> (Vec<Message>, Option<SocketError>) {
        let mut decoder = Decoder::new(&[], MAX);
        let mut messages = Vec::new();
        for part in bytes.chunks(step) {
            let mut part = part;
            while !part.is_empty() {
                let mut space = decoder.space();
                let read = part.len().min(space.remaining_mut());
                space.put_slice(&part[..read]);
                part = &part[read..];
                loop {
                    match decoder.decode() {
                        Ok(Some(message)) => messages.push(message),
                        Ok(None) => break,
                        Err(error) => return (messages, Some(error)),
                    }
                }
            }
        }
        (messages, None)
    }

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..126 => bytes.push(u8::try_from(length).expect("small")),
            length @ 126..65_536 => {
                bytes.push(126);
                bytes.extend_from_slice(&u16::try_from(length).expect("small").to_be_bytes());
            }
            length => {
                bytes.push(127);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(payload);
        bytes
    }

    fn violation(bytes: &[u8]) -> String {
        let (messages, error) = decoded(bytes, 1);
        assert_eq!(messages, [], "{bytes:?}");
        error.unwrap_or_else(|| panic!("{bytes:?} is a violation")).to_string()
    }

    #[test]
    fn the_examples_of_the_rfc_are_decoded() {
        for (bytes, message) in [
            (&b"\x81\x05Hello"[..], Message::text("Hello")),
            (b"\x01\x03Hel\x80\x02lo", Message::text("Hello")),
            (b"\x89\x05Hello", Message::Ping("Hello".into())),
            (b"\x8a\x05Hello", Message::Pong("Hello".into())),
        ] {
            assert_eq!(decoded(bytes, 1).0, [message]);
        }
        for length in [256, 65_536] {
            assert_eq!(decoded(&frame(0x82, &vec![7; length]), MAX).0, [Message::binary(vec![7; length])]);
        }
    }

    #[test]
    fn control_frames_may_stand_between_fragments() {
        let (messages, error) = decoded(b"\x01\x03Hel\x89\x01p\x00\x00\x8a\x00\x80\x02lo\x88\x00", 3);
        let expected = [Message::Ping("p".into()), Message::Pong("".into()), "Hello".into(), Message::Close(None)];
        assert_eq!(messages, expected);
        assert!(error.is_none());
    }

    #[test]
    fn every_violation_has_its_error() {
        for (bytes, expected) in [
            (&b"\xc1\x00"[..], "Reserved bits are non-zero"),
            (b"\xa1\x00", "Reserved bits are non-zero"),
            (b"\x91\x00", "Reserved bits are non-zero"),
            (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "masked frame from server"),
            (b"\x83\x00", "invalid opcode: 3"),
            (b"\x87\x00", "invalid opcode: 7"),
            (b"\x8b\x00", "invalid opcode: 11"),
            (b"\x8f\x00", "invalid opcode: 15"),
            (b"\x09\x00", "Fragmented control frame"),
            (b"\x08\x00", "Fragmented control frame"),
            (b"\x89\x7e\x00\x7e", "Control frame too big"),
            (b"\x88\x7e\x00\x7e", "Control frame too big"),
            (b"\x80\x00", "nothing to continue"),
            (b"\x01\x01a\x81\x01b", "While waiting for more fragments received: TEXT"),
            (b"\x02\x01a\x02\x01b", "While waiting for more fragments received: BINARY"),
            (b"\x88\x01\x03", "Invalid close sequence"),
            (b"\x88\x03\x03\xe8\xff", "UTF-8"),
            (b"\x81\x02\xc3\x28", "UTF-8"),
            (b"\x81\x01\xc3", "UTF-8"),
            (b"\x01\x01\xc3\x80\x01\x28", "UTF-8"),
            (b"\x81\x7f\x00\x00\x00\x00\x00\x01\x86\xa1", "Message too long: 100001 > 100000"),
            (b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "Message too long"),
        ] {
            let error = violation(bytes);
            assert!(error.contains(expected), "{bytes:?}: {error}");
        }
    }

    #[test]
    fn a_character_may_be_cut_by_fragments() {
        assert_eq!(decoded(b"\x01\x02a\xc3\x00\x00\x80\x01\xa4", 1).0, [Message::text("a\u{e4}")]);
    }

    #[test]
    fn codes_that_nobody_may_send_are_violations() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
            let (messages, _) = decoded(&frame(0x88, &u16::to_be_bytes(code)), 1);
            let Some(Message::Close(Some(close))) = messages.first() else { panic!("{code}: {messages:?}") };
            assert_eq!(u16::from(close.code), 1002, "{code}");
        }
        for code in [1000, 1001, 1008, 1012, 3000, 4001, 4999] {
            let (messages, _) = decoded(&frame(0x88, &[&u16::to_be_bytes(code), &b"why"[..]].concat()), 1);
            assert_eq!(messages, [Message::Close(Some(CloseFrame { code: code.into(), reason: "why".into() }))]);
        }
    }

    #[test]
    fn fragments_together_are_as_large_as_a_message() {
        let half = vec![b'x'; MAX / 2];
        let whole = [frame(0x01, &half), frame(0x80, &half)].concat();
        assert_eq!(decoded(&whole, 4096).0, [Message::text("x".repeat(MAX))]);
        let error = violation(&[frame(0x01, &half), frame(0x00, &half), frame(0x00, b"x")].concat());
        assert!(error.contains("Message too long: 100001 > 100000"), "{error}");
    }

    #[test]
    fn a_declared_length_takes_no_memory() {
        let mut decoder = Decoder::new(&[], usize::MAX);
        let header = [&[0x82, 127][..], &(1_u64 << 40).to_be_bytes()].concat();
        decoder.space().put_slice(&header);
        for read in 0..100 {
            assert_eq!(decoder.decode().expect("no violation"), None);
            decoder.space().put_slice(&[0; READ_BYTES]);
            assert!(decoder.capacity() <= 4 * (read + 2) * READ_BYTES, "{}", decoder.capacity());
        }
    }

    #[test]
    fn the_memory_of_a_large_message_ends_with_it() {
        let mut decoder = Decoder::new(&[], MAX);
        let bytes = [frame(0x82, &vec![7; MAX]), frame(0x82, b"small")].concat();
        let mut rest = &bytes[..];
        let mut messages = Vec::new();
        while !rest.is_empty() {
            let mut space = decoder.space();
            let read = rest.len().min(space.remaining_mut());
            space.put_slice(&rest[..read]);
            rest = &rest[read..];
            messages.extend(std::iter::from_fn(|| decoder.decode().expect("no violation")));
        }
        assert_eq!(messages.len(), 2);
        let _ = decoder.space();
        assert!(decoder.capacity() <= 2 * READ_BYTES, "{}", decoder.capacity());
    }

    fn fragments() -> impl Strategy<Value = (Vec<u8>, Message)> {
        let text = prop_oneof![".{0,60}", Just("\u{1f980}".repeat(200)), Just("x".repeat(65_536))];
        (text, any::<bool>(), proptest::collection::vec(any::<prop::sample::Index>(), 0..4)).prop_map(
            |(text, is_text, cuts)| {
                let bytes = text.as_bytes();
                let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
                cuts.sort_unstable();
                let mut framed = Vec::new();
                let mut opcode = if is_text { 0x01 } else { 0x02 };
                let mut start = 0;
                for end in cuts {
                    framed.extend(frame(opcode, &bytes[start..end]));
                    (opcode, start) = (0x00, end);
                }
                framed.extend(frame(0x80 | opcode, &bytes[start..]));
                (framed, if is_text { Message::text(text) } else { Message::binary(text.into_bytes()) })
            },
        )
    }

    proptest! {
        #[test]
        fn messages_are_the_same_however_they_are_cut(
            sent in proptest::collection::vec(fragments(), 1..6),
            step in prop_oneof![1..20_usize, Just(READ_BYTES), Just(usize::MAX)],
        ) {
            let bytes: Vec<u8> = sent.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            let (messages, error) = decoded(&bytes, step);
            prop_assert!(error.is_none());
            prop_assert!(messages.iter().eq(sent.iter().map(|(_, message)| message)));
        }

        #[test]
        fn bytes_that_are_no_frames_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), step in 1..9_usize) {
            decoded(&bytes, step);
        }
    }
}
