//! COMPRESS=DEFLATE (RFC 4978): the stream behind the command is raw DEFLATE, in both directions.

use std::io;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// How many bytes are inflated at once: they are checked against the limits of commands before more are inflated.
const PIECE: usize = 16 * 1024;
/// The fastest level compresses mail nearly as well as the others.
const LEVEL: u32 = 1;

/// Inflates what the client sends.
pub(super) struct Inflater {
    inflate: Decompress,
    /// Bytes that arrived and are not inflated yet.
    waiting: Vec<u8>,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self {
            inflate: Decompress::new(false),
            waiting: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next piece of plain bytes, if there is one.
    pub(super) fn next_piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut piece = Vec::with_capacity(PIECE);
        let before = self.inflate.total_in();
        self.inflate
            .decompress_vec(&self.waiting, &mut piece, FlushDecompress::Sync)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let used = usize::try_from(self.inflate.total_in() - before).unwrap_or(self.waiting.len());
        self.waiting.drain(..used);
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        }
        Ok((!piece.is_empty()).then_some(piece))
    }
}

/// Deflates what is sent to the client.
pub(super) struct Deflater(Compress);

impl Deflater {
    pub(super) fn new() -> Self {
        Self(Compress::new(Compression::new(LEVEL), false))
    }

    /// Compresses bytes such that the client can inflate all of them at once.
    pub(super) fn deflate(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
        let start = self.0.total_in();
        loop {
            let used = usize::try_from(self.0.total_in() - start).unwrap_or(bytes.len());
            self.0
                .compress_vec(&bytes[used..], &mut out, FlushCompress::Sync)
                .map_err(io::Error::other)?;
            // If there is space left in `out`, nothing is left in the compressor.
            if out.len() < out.capacity() {
                return Ok(out);
            }
            out.reserve(PIECE);
        }
    }
}

/// For `fuzz/`: input is inflated to the same bytes, in bounded pieces, however it arrives; and what is deflated can be
/// inflated again.
#[cfg(fuzzing)]
pub fn fuzz(step: usize, bytes: &[u8]) {
    let inflate = |bytes: &[u8], step: usize| {
        let (mut inflater, mut plain) = (Inflater::new(), Vec::new());
        for piece in bytes.chunks(step.max(1)) {
            inflater.push(piece);
            loop {
                match inflater.next_piece() {
                    Ok(Some(piece)) => {
                        assert!(piece.len() <= PIECE);
                        plain.extend(piece);
                    }
                    Ok(None) => break,
                    Err(_) => return (plain, false),
                }
                if plain.len() > 1 << 22 {
                    return (plain, true);
                }
            }
        }
        (plain, true)
    };
    let (whole, is_sound) = inflate(bytes, bytes.len());
    let (pieces, still_sound) = inflate(bytes, step);
    if is_sound && still_sound {
        assert_eq!(whole.len(), pieces.len());
        assert!(whole == pieces);
    }
    let mut deflater = Deflater::new();
    let (first, second) = bytes.split_at(step.min(bytes.len()));
    let sent = [first, second].map(|part| deflater.deflate(part).expect("memory"));
    assert!(inflate(&sent.concat(), step) == (bytes.to_vec(), true));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deflated_inflates_piece_by_piece() {
        let mut deflater = Deflater::new();
        let mut inflater = Inflater::new();
        for text in [
            vec![b'a'; 300_000],
            b"a NOOP\r\n".to_vec(),
            (0..=255).collect(),
        ] {
            let sent = deflater.deflate(&text).unwrap();
            let mut heard = Vec::new();
            for byte in &sent {
                inflater.push(&[*byte]);
                while let Some(piece) = inflater.next_piece().unwrap() {
                    assert!(piece.len() <= PIECE);
                    heard.extend(piece);
                }
            }
            assert_eq!(heard, text);
        }
    }

    #[test]
    fn what_is_no_deflate_is_an_error() {
        let mut inflater = Inflater::new();
        inflater.push(b"\xff\xff\xff\xff not compressed");
        assert!(inflater.next_piece().is_err());
    }
}
