//! [`Frame`]: converts a message into bytes for NATS, and back.
//!
//! The first byte is the version, the second the kind. A payload that is longer than the server accepts becomes several frames;
//! `assembly.rs` joins them.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use crate::error::NotDelivered;
use crate::message::Answer;

/// A message on NATS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A whole payload.
    Whole(Bytes),
    /// A part of a payload.
    Part(Part),
    /// The end of a request without a response.
    NoResponse(NoResponse),
}

/// A part of a payload that is too long for one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The sender and its number of the payload.
    pub(super) payload: (u64, u64),
    /// The place of the part, from 0.
    pub(super) index: u32,
    /// The number of parts of the payload.
    pub(super) count: u32,
    pub(super) bytes: Bytes,
}

/// The reason why a request ends without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoResponse {
    NoSubscriber,
    Busy,
    Incompatible,
    Dropped,
}

/// A frame that this version cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Frame {
    pub(super) fn encode(self) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_u8(VERSION);
        match self {
            Self::Whole(payload) => {
                bytes.put_u8(WHOLE);
                bytes.extend_from_slice(&payload);
            }
            Self::Part(part) => {
                bytes.put_u8(PART);
                bytes.put_u64(part.payload.0);
                bytes.put_u64(part.payload.1);
                bytes.put_u32(part.index);
                bytes.put_u32(part.count);
                bytes.extend_from_slice(&part.bytes);
            }
            Self::NoResponse(reason) => {
                bytes.put_u8(NO_RESPONSE);
                bytes.put_u8(reason.code());
            }
        }
        bytes.freeze()
    }

    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, Unreadable> {
        if bytes.try_get_u8() != Ok(VERSION) {
            return Err(Unreadable);
        }
        match bytes.try_get_u8().map_err(|_| Unreadable)? {
            WHOLE => Ok(Self::Whole(bytes)),
            PART => Part::decode(bytes).map(Self::Part),
            NO_RESPONSE => {
                let code = bytes.try_get_u8().map_err(|_| Unreadable)?;
                NoResponse::ALL.into_iter().find(|reason| reason.code() == code).map(Self::NoResponse).ok_or(Unreadable)
            }
            _ => Err(Unreadable),
        }
    }

    /// The frames that carry a payload, none longer than a limit, which is longer than [`PART_HEADER_BYTES`].
    pub(super) fn split(payload: Bytes, id: (u64, u64), limit: usize) -> Vec<Self> {
        if payload.len() + WHOLE_HEADER_BYTES <= limit {
            return vec![Self::Whole(payload)];
        }
        let length = limit - PART_HEADER_BYTES;
        let count = payload.len().div_ceil(length);
        // A payload has at most 16 MiB, and a part at least 100 KiB.
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        (0..count)
            .map(|index| {
                let end = payload.len().min((index + 1) * length);
                let bytes = payload.slice(index * length..end);
                Self::Part(Part { payload: id, index: number(index), count: number(count), bytes })
            })
            .collect()
    }
}

impl Part {
    fn decode(mut bytes: Bytes) -> Result<Self, Unreadable> {
        let mut read = || -> Result<_, bytes::TryGetError> {
            let payload = (bytes.try_get_u64()?, bytes.try_get_u64()?);
            Ok((payload, bytes.try_get_u32()?, bytes.try_get_u32()?))
        };
        let (payload, index, count) = read().map_err(|_| Unreadable)?;
        if index < count { Ok(Self { payload, index, count, bytes }) } else { Err(Unreadable) }
    }
}

impl NoResponse {
    const ALL: [Self; 4] = [Self::NoSubscriber, Self::Busy, Self::Incompatible, Self::Dropped];

    fn code(self) -> u8 {
        match self {
            Self::NoSubscriber => 1,
            Self::Busy => 2,
            Self::Incompatible => 3,
            Self::Dropped => 4,
        }
    }

    /// The reason in an answer; `None` for a response.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        match answer {
            Answer::Response(_) => None,
            Answer::NotDelivered(NotDelivered::NoSubscriber) => Some(Self::NoSubscriber),
            Answer::NotDelivered(NotDelivered::Busy | NotDelivered::NotSent(_)) => Some(Self::Busy),
            Answer::NotDelivered(NotDelivered::Incompatible) => Some(Self::Incompatible),
            Answer::Dropped => Some(Self::Dropped),
        }
    }

    pub(super) fn into_answer(self) -> Answer {
        match self {
            Self::NoSubscriber => Answer::NotDelivered(NotDelivered::NoSubscriber),
            Self::Busy => Answer::NotDelivered(NotDelivered::Busy),
            Self::Incompatible => Answer::NotDelivered(NotDelivered::Incompatible),
            Self::Dropped => Answer::Dropped,
        }
    }
}

/// The bytes of a frame before a part.
pub(super) const PART_HEADER_BYTES: usize = 26;

/// The bytes of a frame before a whole payload.
const WHOLE_HEADER_BYTES: usize = 2;

const VERSION: u8 = 1;

const WHOLE: u8 = 0;

const PART: u8 = 1;

const NO_RESPONSE: u8 = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_frame_is_read_as_it_was_written() {
        let part = Part { payload: (7, u64::MAX), index: 1, count: 3, bytes: Bytes::from_static(b"part") };
        let mut frames = vec![Frame::Whole(Bytes::new()), Frame::Whole(Bytes::from_static(b"x")), Frame::Part(part)];
        frames.extend(NoResponse::ALL.map(Frame::NoResponse));
        for frame in frames {
            assert_eq!(Frame::decode(frame.clone().encode()), Ok(frame));
        }
    }

    #[test]
    fn other_versions_kinds_and_cut_frames_are_unreadable() {
        let texts: [&[u8]; 6] = [b"", &[1], &[2, 0], &[1, 9], &[1, 2, 9], &[1, 1, 0, 0]];
        for text in texts {
            assert_eq!(Frame::decode(Bytes::from_static(text)), Err(Unreadable), "{text:?}");
        }
        let part = Part { payload: (0, 0), index: 3, count: 3, bytes: Bytes::new() };
        assert_eq!(Frame::decode(Frame::Part(part).encode()), Err(Unreadable), "there is no such part");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Frame::decode(bytes.into());
        }

        #[test]
        fn frames_keep_to_the_limit(length in 0_usize..5000, limit in 30_usize..300) {
            for frame in Frame::split(vec![0; length].into(), (0, 0), limit) {
                prop_assert!(frame.encode().len() <= limit);
            }
        }
    }
}
