//! Pixels, and the few ways in which the picture changes them.

use super::text;

/// A picture: rows from the top, three bytes of red, green and blue (sRGB) per pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `[height, width, 3]`.
    pub rgb: Vec<u8>,
}

/// Red, green and blue, sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub(super) [u8; 3]);

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Area {
    /// Its column at `x` of the picture.
    pub(super) fn column(self, x: usize) -> Self {
        Self { x, width: 1, ..self }
    }
}

impl Image {
    pub(super) fn new(width: usize, height: usize, colour: Colour) -> Self {
        Self { width, height, rgb: colour.0.repeat(width * height) }
    }

    /// Mixes a colour into a pixel, `alpha` of it, 0 to 1; nothing happens outside the picture.
    pub(super) fn blend(&mut self, x: usize, y: usize, colour: Colour, alpha: f32) {
        if x >= self.width || y >= self.height {
            return;
        }
        let at = 3 * (y * self.width + x);
        for (old, new) in self.rgb[at..at + 3].iter_mut().zip(colour.0) {
            let mixed = f32::from(*old) * (1.0 - alpha) + f32::from(new) * alpha;
            *old = mixed.round() as u8;
        }
    }

    pub(super) fn fill(&mut self, area: Area, colour: Colour) {
        self.line(area, colour, 1.0);
    }

    /// Mixes a colour into a rectangle, often one pixel wide.
    pub(super) fn line(&mut self, area: Area, colour: Colour, alpha: f32) {
        for y in area.y..area.y + area.height {
            for x in area.x..area.x + area.width {
                self.blend(x, y, colour, alpha);
            }
        }
    }

    /// Writes from `x` on, `size` pixels high with `y` at the top, as far as `right`; what does not fit ends in dots.
    pub(super) fn text(
        &mut self,
        x: usize,
        y: usize,
        size: usize,
        colour: Colour,
        right: usize,
        words: &str,
    ) {
        let room = right.min(self.width).saturating_sub(x);
        text::each_pixel(words, size, room, |dx, dy, ink| self.blend(x + dx, y + dy, colour, ink));
    }

    /// Writes so that the words end at `right`.
    pub(super) fn text_left_of(
        &mut self,
        right: usize,
        y: usize,
        size: usize,
        colour: Colour,
        words: &str,
    ) {
        let x = right.saturating_sub(text::width(words, size));
        self.text(x, y, size, colour, self.width, words);
    }

    /// The colour of a pixel.
    #[cfg(test)]
    pub(super) fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y * self.width + x);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }
}
