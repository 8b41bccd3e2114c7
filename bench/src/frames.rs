//! Reads and writes WebSocket frames by hand, for the driver and the bare loop of the benchmark. Only unfragmented text frames occur
//! between the two.

/// The header of a frame.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Bytes of the header, with the key.
    pub header: usize,
    /// Bytes of the payload.
    pub length: usize,
    pub opcode: u8,
    pub key: [u8; 4],
}

impl Frame {
    /// The frame at the beginning of these bytes, if all of its header is there.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (mut header, length) = match second & 127 {
            126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
            short => (2, usize::from(short)),
        };
        let mut key = [0; 4];
        if second & 128 != 0 {
            key = bytes.get(header..header + 4)?.try_into().ok()?;
            header += 4;
        }
        Some(Self { header, length, opcode: first & 15, key })
    }
}

/// Adds the header of a text frame, without a key.
pub fn push_header(bytes: &mut Vec<u8>, length: usize, is_masked: bool) {
    let mask = if is_masked { 128 } else { 0 };
    bytes.push(0x81);
    match length {
        0..126 => bytes.push(mask | u8::try_from(length).expect("it is small")),
        126..65_536 => {
            bytes.push(mask | 126);
            bytes.extend_from_slice(&u16::try_from(length).expect("it is small").to_be_bytes());
        }
        _ => {
            bytes.push(mask | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Adds a text frame of a client.
pub fn push_masked(bytes: &mut Vec<u8>, payload: &[u8], key: [u8; 4]) {
    push_header(bytes, payload.len(), true);
    bytes.extend_from_slice(&key);
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    mask(&mut bytes[start..], key);
}

/// Masks or unmasks bytes, eight at a time.
pub fn mask(bytes: &mut [u8], [a, b, c, d]: [u8; 4]) {
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip([a, b, c, d].into_iter().cycle()) {
        *byte ^= key;
    }
}

/// The length of the head of an HTTP message, if all of it is there.
pub fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4)
}
