//! Pure: removes the content coding of a response (RFC 9110 §8.4) that was coded although the request accepted no coding, as
//! a CDN does it.
//!
//! Bounded: a body that is larger than its limit once it is decoded stays as it is. What cannot be decoded keeps its header
//! Content-Encoding, by which the response is refused later. It must not judge what is in a body.

use miniz_oxide::inflate::{
    TINFLStatus,
    core::{
        DecompressorOxide, decompress,
        inflate_flags::{TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF},
    },
};
use zeroize::Zeroizing;

/// The codings of the IANA registry, and their old names. Any other word says nothing about the bytes of the body.
const CODINGS: [&str; 12] = [
    "aes128gcm",
    "br",
    "compress",
    "dcb",
    "dcz",
    "deflate",
    "exi",
    "gzip",
    "pack200-gzip",
    "x-compress",
    "x-gzip",
    "zstd",
];

const NAME: &str = "content-encoding";

/// Decodes the body and removes the header Content-Encoding, if the body has one coding that this library knows, or none.
pub(super) fn decode(headers: &mut Vec<(String, String)>, body: &mut Zeroizing<Vec<u8>>, limit: usize) {
    let words = headers.iter().filter(|(name, _)| name == NAME).flat_map(|(_, value)| value.split(','));
    let mut words: Vec<_> = words.map(|word| word.trim().to_ascii_lowercase()).collect();
    words.retain(|word| !matches!(word.as_str(), "" | "identity"));
    let decoded = match words.as_slice() {
        _ if body.is_empty() => None,
        [] => None,
        [coding] if matches!(coding.as_str(), "gzip" | "x-gzip") => match gunzip(body, limit) {
            Ok(decoded) => Some(decoded),
            Err(_) => return,
        },
        [coding] if coding == "deflate" => match inflate(body, limit) {
            Ok(decoded) => Some(decoded),
            Err(_) => return,
        },
        // Some servers write a character set here, or the word none.
        words if is_plain(body) && !words.iter().any(|word| CODINGS.contains(&word.as_str())) => None,
        _ => return,
    };
    if let Some(decoded) = decoded {
        *body = decoded;
    }
    headers.retain(|(name, _)| name != NAME);
}

/// Returns whether the bytes can be text as they are.
fn is_plain(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"{") || std::str::from_utf8(body).is_ok()
}

/// Each member of a gzip body costs memory and time, whatever it holds.
const MAX_MEMBERS: usize = 64;

/// A body that cannot be decoded, or is too large once it is.
#[derive(Debug)]
struct Broken;

/// RFC 1952: one or more members. Anything else after them is padding.
fn gunzip(body: &[u8], limit: usize) -> Result<Zeroizing<Vec<u8>>, Broken> {
    let mut decoded = Zeroizing::default();
    let mut rest = body;
    for _ in 0..MAX_MEMBERS {
        rest = gunzip_member(rest, &mut decoded, limit).ok_or(Broken)?;
        if !rest.starts_with(b"\x1f\x8b") {
            return Ok(decoded);
        }
    }
    Err(Broken)
}

/// Appends what one member holds, and returns what follows it.
fn gunzip_member<'a>(member: &'a [u8], decoded: &mut Zeroizing<Vec<u8>>, limit: usize) -> Option<&'a [u8]> {
    let start = decoded.len();
    let rest = append(gzip_data(member)?, 0, decoded, limit).ok()?;
    let (trailer, rest) = rest.split_at_checked(8)?;
    let new = &decoded[start..];
    // RFC 1952 §2.3: the checksum, and the length modulo 2^32.
    let expected = [crc32(new).to_le_bytes(), (new.len() as u32).to_le_bytes()].concat();
    (trailer == expected).then_some(rest)
}

/// Returns what follows the header of a member (RFC 1952 §2.3).
fn gzip_data(member: &[u8]) -> Option<&[u8]> {
    const CHECKSUM: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    const RESERVED: u8 = 0b1110_0000;
    let (header, mut rest) = member.split_at_checked(10)?;
    let flags = header[3];
    if !header.starts_with(b"\x1f\x8b\x08") || flags & RESERVED != 0 {
        return None;
    }
    if flags & EXTRA != 0 {
        let (length, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & CHECKSUM != 0 { rest.get(2..) } else { Some(rest) }
}

/// Returns the CRC-32 (RFC 1952 §8). A table would be faster, and larger than all of this file.
fn crc32(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit))
}

/// The coding is that of zlib (RFC 1950), but some servers send it without the frame (RFC 1951).
fn inflate(body: &[u8], limit: usize) -> Result<Zeroizing<Vec<u8>>, Broken> {
    for flags in [TINFL_FLAG_PARSE_ZLIB_HEADER, 0] {
        let mut decoded = Zeroizing::default();
        if append(body, flags, &mut decoded, limit).is_ok() {
            return Ok(decoded);
        }
    }
    Err(Broken)
}

/// Appends all that the compressed bytes hold, and returns what follows them. Replaces a buffer that is too small, since a
/// buffer that grows leaves unwiped copies behind. Stops with an error where more than `limit` bytes come.
fn append<'a>(
    mut bytes: &'a [u8],
    flags: u32,
    body: &mut Zeroizing<Vec<u8>>,
    limit: usize,
) -> Result<&'a [u8], Broken> {
    let mut decompressor = DecompressorOxide::default();
    let start = body.len();
    let mut length = start;
    loop {
        // One byte more than is allowed, to see that there is more.
        let mut larger = Zeroizing::new(vec![0; (2 * length).clamp(4 << 10, limit + 1)]);
        larger[..length].copy_from_slice(&body[..length]);
        *body = larger;
        // The bytes before this position are what later ones may repeat. Those of an earlier member are not.
        let (status, read, written) = decompress(
            &mut decompressor,
            bytes,
            &mut body[start..],
            length - start,
            flags | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        );
        (bytes, length) = (&bytes[read..], length + written);
        match status {
            _ if length > limit => return Err(Broken),
            TINFLStatus::Done => break,
            TINFLStatus::HasMoreOutput => {}
            _ => return Err(Broken),
        }
    }
    body.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use std::io::Write;

    const TEXT: &[u8] = br#"{"access_token":"t"}"#;
    const LIMIT: usize = 1 << 20;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(vec![], Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(vec![], Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(vec![], Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Returns the body, and whether the header is still there.
    fn decoded(codings: &[&str], body: &[u8]) -> (Vec<u8>, bool) {
        let mut headers = vec![("date".to_owned(), "x".to_owned())];
        headers.extend(codings.iter().map(|coding| (NAME.to_owned(), (*coding).to_owned())));
        let mut body = Zeroizing::new(body.to_vec());
        decode(&mut headers, &mut body, LIMIT);
        assert_eq!(headers[0].0, "date");
        (body.to_vec(), headers.len() > 1)
    }

    #[test]
    fn gzip_and_deflate_are_decoded() {
        let two_members = [gzip(&TEXT[..5]), gzip(&TEXT[5..])].concat();
        let padded = [gzip(TEXT), vec![0; 100]].concat();
        let with_header = |flags: u8, header: &[u8]| {
            let plain = gzip(TEXT);
            [&plain[..3], &[flags], &plain[4..10], header, &plain[10..]].concat()
        };
        for (codings, body) in [
            (&["gzip"][..], gzip(TEXT)),
            (&["gzip"], with_header(0b1_1110, b"\x03\0abcname\0comment\0\x12\x34")),
            (&["gzip"], with_header(0b0_0001, b"")),
            (&["gzip"], with_header(0b0_1000, b"\0")),
            (&["x-gzip"], gzip(TEXT)),
            (&["GZip"], gzip(TEXT)),
            (&["identity, gzip"], gzip(TEXT)),
            (&["gzip, , identity"], gzip(TEXT)),
            (&["", "gzip"], gzip(TEXT)),
            (&["gzip"], two_members),
            (&["gzip"], padded),
            (&["deflate"], zlib(TEXT)),
            (&["deflate"], raw(TEXT)),
        ] {
            assert_eq!(decoded(codings, &body), (TEXT.to_vec(), false), "{codings:?}");
        }
    }

    #[test]
    fn a_word_that_is_no_coding_is_ignored_over_a_plain_body() {
        for word in ["UTF-8", "utf8", "none", "identity, identity", "ISO-8859-1", "application/json", "8bit", "binary"]
        {
            assert_eq!(decoded(&[word], TEXT), (TEXT.to_vec(), false), "{word}");
        }
        assert_eq!(decoded(&["iso-8859-1"], b"{\"a\":\"\xe9\"}"), (b"{\"a\":\"\xe9\"}".to_vec(), false));
        assert_eq!(decoded(&["snappy"], b"\xff\x06\0\0sNaPpY"), (b"\xff\x06\0\0sNaPpY".to_vec(), true));
    }

    #[test]
    fn a_body_that_cannot_be_decoded_is_left_as_it_is() {
        let mut wrong_sum = gzip(TEXT);
        let at = wrong_sum.len() - 8;
        wrong_sum[at] ^= 1;
        let mut wrong_length = gzip(TEXT);
        *wrong_length.last_mut().unwrap() ^= 1;
        let mut reserved = gzip(TEXT);
        reserved[3] = 0b0010_0000;
        let unended_name = b"\x1f\x8b\x08\x08\0\0\0\0\0\0name".to_vec();
        for (codings, body) in [
            (&["br"][..], TEXT.to_vec()),
            (&["zstd"], TEXT.to_vec()),
            (&["compress"], TEXT.to_vec()),
            (&["gzip"], TEXT.to_vec()),
            (&["deflate"], TEXT.to_vec()),
            (&["gzip, gzip"], gzip(&gzip(TEXT))),
            (&["gzip", "deflate"], zlib(&gzip(TEXT))),
            (&["utf-8, gzip"], gzip(TEXT)),
            (&["gzip"], gzip(TEXT)[..20].to_vec()),
            (&["gzip"], gzip(TEXT)[..10].to_vec()),
            (&["deflate"], zlib(TEXT)[..9].to_vec()),
            (&["gzip"], wrong_sum),
            (&["gzip"], wrong_length),
            (&["gzip"], reserved),
            (&["gzip"], unended_name),
            (&["gzip"], gzip(TEXT)[..gzip(TEXT).len() - 1].to_vec()),
        ] {
            assert_eq!(decoded(codings, &body), (body, true), "{codings:?}");
        }
    }

    #[test]
    fn an_empty_body_has_no_coding() {
        for coding in ["gzip", "br", "gzip, gzip"] {
            assert_eq!(decoded(&[coding], b""), (vec![], false));
        }
        assert_eq!(decoded(&["gzip"], &gzip(b"")), (vec![], false));
    }

    #[test]
    fn decoding_stops_at_the_limit() {
        let largest = vec![b'x'; LIMIT];
        assert_eq!(decoded(&["gzip"], &gzip(&largest)), (largest.clone(), false));
        assert_eq!(decoded(&["deflate"], &zlib(&largest)), (largest.clone(), false));
        let too_large = [largest.as_slice(), b"x"].concat();
        for (coding, body) in [("gzip", gzip(&too_large)), ("deflate", zlib(&too_large)), ("deflate", raw(&too_large))]
        {
            assert_eq!(decoded(&[coding], &body), (body, true));
        }
        // Each member alone is within the limit.
        let members = gzip(&largest[..LIMIT / 2]).repeat(3);
        assert_eq!(decoded(&["gzip"], &members), (members, true));
        // Without a limit, this would be 128 MiB.
        let bomb = gzip(&vec![0; 16 << 20]).repeat(8);
        assert_eq!(decoded(&["gzip"], &bomb), (bomb, true));
        let many = gzip(b"").repeat(MAX_MEMBERS + 1);
        assert_eq!(decoded(&["gzip"], &many), (many, true));
    }
}
