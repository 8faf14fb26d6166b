//! Compressed bodies, made by hand: an honest one, and those that unpack to far more than they are.

/// What a bomb unpacks to, in bytes, at least.
const UNPACKED: usize = 16 << 20;

/// A gzip member of stored blocks, which compress nothing.
pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut blocks = Vec::new();
    let mut parts = body.chunks(0xffff).peekable();
    while let Some(part) = parts.next() {
        let length = part.len() as u16;
        blocks.push(parts.peek().is_none().into());
        blocks.extend_from_slice(&length.to_le_bytes());
        blocks.extend_from_slice(&(!length).to_le_bytes());
        blocks.extend_from_slice(part);
    }
    [gzip_header(), blocks, crc32(body).to_le_bytes().to_vec(), (body.len() as u32).to_le_bytes().to_vec()].concat()
}

/// A gzip member of one space and very many copies of it, 258 at a time.
pub(crate) fn gzip_bomb() -> Vec<u8> {
    let mut bits = Bits::default();
    // The last block, with fixed codes; then the literal, which is 0x30 above its value.
    bits.push(0b1, 1);
    bits.push(0b01, 2);
    bits.push_code(0x30 + u32::from(b' '), 8);
    for _ in 0..UNPACKED / 258 {
        // Length 258 is code 285, and distance 1 is code 0.
        bits.push_code(0b1100_0101, 8);
        bits.push_code(0, 5);
    }
    [gzip_header(), bits.finish()].concat()
}

/// A zstd frame of blocks that are one byte each and a number of times to repeat it.
pub(crate) fn zstd_bomb() -> Vec<u8> {
    const WINDOW: usize = 128 << 10;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    let blocks = UNPACKED / WINDOW;
    for block in 1..=blocks {
        let (is_last, repeats) = (u32::from(block == blocks), 1 << 1);
        frame.extend_from_slice(&((WINDOW as u32) << 3 | repeats | is_last).to_le_bytes()[..3]);
        frame.push(b' ');
    }
    frame
}

fn gzip_header() -> Vec<u8> {
    vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

/// Bits in the order of deflate: the lowest of a byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, bits: u32, count: u32) {
        self.pending |= bits << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// Codes stand with their highest bit first.
    fn push_code(&mut self, code: u32, count: u32) {
        self.push(code.reverse_bits() >> (32 - count), count);
    }

    fn finish(mut self) -> Vec<u8> {
        self.push(0, 7);
        self.bytes
    }
}
