//! [`Assembly`]: joins the frames of one subject into payloads. A long payload arrives in several frames, which `frame.rs` describes.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};

use super::frame::{Frame, NoResponse, Part, Unreadable};
use crate::error::MAX_PAYLOAD_BYTES;

/// The payloads of which parts have arrived. Parts of one payload arrive in order, because one connection sends them; where one is missing,
/// the payload is given up.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    begun: HashMap<(u64, u64), PartialPayload>,
    /// Counts the payloads, to find the oldest.
    next: u64,
}

#[derive(Debug)]
struct PartialPayload {
    number: u64,
    parts: u32,
    bytes: BytesMut,
}

/// The result of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Assembled {
    Payload(Bytes),
    NoResponse(NoResponse),
    /// More parts have to arrive.
    Incomplete,
    /// A payload is lost.
    Lost,
}

impl Assembly {
    /// Takes the next frame.
    ///
    /// # Errors
    /// The frame is of another version.
    pub(super) fn add(&mut self, frame: Bytes) -> Result<Assembled, Unreadable> {
        match Frame::decode(frame)? {
            Frame::Whole(payload) => Ok(Assembled::Payload(payload)),
            Frame::NoResponse(reason) => Ok(Assembled::NoResponse(reason)),
            Frame::Part(part) => Ok(self.add_part(part)),
        }
    }

    fn add_part(&mut self, part: Part) -> Assembled {
        if part.index == 0 {
            self.drop_oldest();
            let begun = PartialPayload { number: self.next, parts: 0, bytes: BytesMut::new() };
            self.next += 1;
            self.begun.insert(part.payload, begun);
        }
        let Some(begun) = self.begun.get_mut(&part.payload) else { return Assembled::Lost };
        if begun.parts != part.index || begun.bytes.len() + part.bytes.len() > MAX_PAYLOAD_BYTES {
            self.begun.remove(&part.payload);
            return Assembled::Lost;
        }
        begun.parts += 1;
        begun.bytes.extend_from_slice(&part.bytes);
        if begun.parts < part.count {
            return Assembled::Incomplete;
        }
        match self.begun.remove(&part.payload) {
            Some(begun) => Assembled::Payload(begun.bytes.freeze()),
            None => Assembled::Lost,
        }
    }

    /// Makes room for another payload. The oldest one has lost its sender.
    fn drop_oldest(&mut self) {
        if self.begun.len() >= MAX_BEGUN {
            let oldest = self.begun.iter().min_by_key(|(_, begun)| begun.number).map(|(&payload, _)| payload);
            oldest.and_then(|payload| self.begun.remove(&payload));
        }
    }
}

/// A sender sends the parts of one payload after the other, so that more payloads are begun only when more gateways send.
const MAX_BEGUN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"forty bytes that do not fit in one frame";

    fn frames(text: &'static [u8], id: u64) -> Vec<Bytes> {
        Frame::split(Bytes::from_static(text), (1, id), 30).into_iter().map(Frame::encode).collect()
    }

    #[test]
    fn parts_of_several_payloads_become_whole() {
        let mut assembly = Assembly::default();
        let (one, other) = (
            frames(b"a text that is longer than one frame is", 1),
            frames(b"another text, longer than one frame and than the first", 2),
        );
        let mut whole = Vec::new();
        for index in 0..other.len() {
            for frame in [one.get(index), other.get(index)].into_iter().flatten() {
                match assembly.add(frame.clone()).unwrap() {
                    Assembled::Payload(payload) => whole.push(payload),
                    Assembled::Incomplete => {}
                    end => panic!("{end:?}"),
                }
            }
        }
        let expected: [&[u8]; 2] =
            [b"a text that is longer than one frame is", b"another text, longer than one frame and than the first"];
        whole.sort_by_key(Bytes::len);
        assert_eq!(whole, expected);
        assert!(assembly.begun.is_empty());
    }

    #[test]
    fn a_payload_with_a_missing_part_is_lost_and_no_other() {
        let mut assembly = Assembly::default();
        let frames = frames(TEXT, 1);
        assert_eq!(assembly.add(frames[0].clone()), Ok(Assembled::Incomplete));
        assert_eq!(assembly.add(frames[2].clone()), Ok(Assembled::Lost));
        assert_eq!(assembly.add(frames[1].clone()), Ok(Assembled::Lost));
        assert!(assembly.begun.is_empty());
        let results: Vec<_> = frames.into_iter().map(|frame| assembly.add(frame).unwrap()).collect();
        assert_eq!(results.last(), Some(&Assembled::Payload(Bytes::from_static(TEXT))));
    }

    #[test]
    fn senders_that_stop_half_way_take_bounded_memory() {
        let mut assembly = Assembly::default();
        for id in 0..1000 {
            assembly.add(frames(TEXT, id)[0].clone()).unwrap();
        }
        assert_eq!(assembly.begun.len(), MAX_BEGUN);
    }
}
