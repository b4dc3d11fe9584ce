//! Words in pixels.
//!
//! Glyphs of 8 x 8 bits (the `font8x8` crate: Latin, public domain), their corners rounded by doubling three times with
//! the rule of A. Mazzoleni's Scale2x (2001), upright strokes made as thin as the level ones, then averaged down to the
//! size wanted. Widths are proportional. What has
//! no glyph is shown as a question mark.

use font8x8::legacy::{BASIC_LEGACY, LATIN_LEGACY};

/// Bits of a glyph per side after doubling.
const FINE: usize = 64;
/// Sub-samples per pixel and side.
const SAMPLES: usize = 4;
/// Width of a space, in bits of the glyph.
const SPACE: usize = 4;

/// What stands for the rest of a line.
const DOTS: &str = "...";

/// Calls `paint(x, y, ink)` for every pixel with ink, 0 to 1, of a line `size` pixels high that may become `room` wide.
pub(super) fn each_pixel(
    words: &str,
    size: usize,
    room: usize,
    mut paint: impl FnMut(usize, usize, f32),
) {
    let mut pen = 0;
    for c in fitting(words, size, room).chars() {
        character(c, size, |x, y, ink| paint(pen + x, y, ink));
        pen += pixels(glyph(c).1, size);
    }
}

/// The words as far as there is room for them.
fn fitting(words: &str, size: usize, room: usize) -> String {
    if width(words, size) <= room {
        return words.to_owned();
    }
    let mut left = room.saturating_sub(width(DOTS, size));
    let fits = |c: &char| {
        let advance = pixels(glyph(*c).1, size);
        let fits = advance <= left;
        left = left.saturating_sub(advance);
        fits
    };
    words.chars().take_while(fits).chain(DOTS.chars()).collect()
}

/// The width of a line in pixels.
pub(super) fn width(words: &str, size: usize) -> usize {
    words.chars().map(|c| pixels(glyph(c).1, size)).sum()
}

fn pixels(bits: usize, size: usize) -> usize {
    (bits * size).div_ceil(8)
}

/// The rows of a character moved to the left edge, and its width with the gap after it, in bits.
fn glyph(c: char) -> ([u8; 8], usize) {
    let code = c as usize;
    let rows = match code {
        0x20..0x7f => BASIC_LEGACY[code],
        0xa0..0x100 => LATIN_LEGACY[code - 0xa0],
        _ => BASIC_LEGACY[usize::from(b'?')],
    };
    let ink = rows.iter().fold(0, |all, row| all | row);
    if ink == 0 {
        return (rows, SPACE);
    }
    let left = ink.trailing_zeros();
    (rows.map(|row| row >> left), (8 - left - ink.leading_zeros()) as usize + 1)
}

fn character(c: char, size: usize, mut paint: impl FnMut(usize, usize, f32)) {
    let (rows, advance) = glyph(c);
    let mut bits: Vec<bool> =
        rows.iter().flat_map(|row| (0..8).map(move |x| row >> x & 1 == 1)).collect();
    let mut side = 8;
    while side < FINE {
        bits = doubled(&bits, side);
        side *= 2;
    }
    bits.chunks_exact_mut(FINE).for_each(thin);
    let at = |pixel: usize, sample: usize| {
        (2 * (pixel * SAMPLES + sample) + 1) * FINE / (2 * SAMPLES * size)
    };
    for y in 0..size {
        for x in 0..pixels(advance, size).min(size) {
            let mut ink = 0;
            for sample in 0..SAMPLES * SAMPLES {
                let (column, row) = (at(x, sample % SAMPLES), at(y, sample / SAMPLES));
                ink += u8::from(bits[row * FINE + column]);
            }
            if ink > 0 {
                paint(x, y, f32::from(ink) / (SAMPLES * SAMPLES) as f32);
            }
        }
    }
}

/// Takes the end off the strokes of a row that are wider than one bit of the glyph.
fn thin(row: &mut [bool]) {
    const BIT: usize = FINE / 8;
    let mut start = 0;
    while start < FINE {
        let length = row[start..].iter().take_while(|ink| **ink).count();
        let less = length.saturating_sub(BIT).min(BIT * 3 / 4);
        row[start + length - less..start + length].fill(false);
        start += length + 1;
    }
}

/// Twice the size; a corner of a pixel takes the colour of two equal neighbours that meet there.
fn doubled(bits: &[bool], side: usize) -> Vec<bool> {
    let get = |x: usize, y: usize, dx: i64, dy: i64| {
        let (x, y) = (x as i64 + dx, y as i64 + dy);
        let inside = |v: i64| (0..side as i64).contains(&v);
        inside(x) && inside(y) && bits[y as usize * side + x as usize]
    };
    let mut out = vec![false; 4 * side * side];
    for y in 0..side {
        for x in 0..side {
            let [up, left, right, down] =
                [(0, -1), (-1, 0), (1, 0), (0, 1)].map(|(dx, dy)| get(x, y, dx, dy));
            let own = get(x, y, 0, 0);
            let edge = up != down && left != right;
            let corners = [(left, up), (up, right), (left, down), (down, right)];
            for (corner, (a, b)) in corners.into_iter().enumerate() {
                let value = if edge && a == b { a } else { own };
                out[(2 * y + corner / 2) * 2 * side + 2 * x + corner % 2] = value;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns and rows that a line inks.
    fn extent(words: &str, size: usize, room: usize) -> (usize, usize) {
        let (mut right, mut bottom) = (0, 0);
        each_pixel(words, size, room, |x, y, _| {
            right = right.max(x + 1);
            bottom = bottom.max(y + 1);
        });
        (right, bottom)
    }

    #[test]
    fn words_stay_in_their_room() {
        for size in [9, 12, 16, 26] {
            let (right, bottom) = extent("a long name of a file_01 (gj).wav", size, 120);
            assert!(right <= 120 && right > 80, "{right}");
            assert!(bottom <= size && bottom > size / 2, "{bottom}");
            let (right, _) = extent("kick", size, 500);
            assert!(right <= width("kick", size), "{right}");
        }
    }

    #[test]
    fn every_character_can_be_written() {
        for c in ['\0', '\n', 'ü', 'ß', '日', '\u{202e}', '\u{10ffff}', '\u{7f}', '\u{80}'] {
            let text = c.to_string();
            assert!(extent(&text, 12, 100).0 > 0, "{c:?}");
        }
        assert_eq!(extent("", 12, 100), (0, 0));
        assert_eq!(extent("   ", 12, 100), (0, 0));
    }

    #[test]
    fn a_narrow_letter_takes_less_room_than_a_wide_one() {
        assert!(width("i", 16) < width("M", 16));
    }
}
