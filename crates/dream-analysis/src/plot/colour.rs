//! Levels as colours.
//!
//! Method: lightness rises evenly in the `OKLab` space (B. Ottosson, "A perceptual color space for image processing", 2020) while
//! the hue turns from violet over red to yellow, so that equal steps of level look equal, also without colour.

use super::canvas::Colour;

/// Lightness of nothing and of the most, 0 to 1.
const LIGHTNESS: [f64; 2] = [0.17, 0.97];
/// Hue of nothing and of the most, in degrees; red lies between, at 380.
const HUE: [f64; 2] = [285.0, 462.0];
/// The highest chroma, between the ends.
const CHROMA: f64 = 0.17;

/// The 256 colours of levels 0 to 1.
pub(super) fn scale() -> [Colour; 256] {
    std::array::from_fn(|i| colour(i as f64 / 255.0))
}

/// The colour of a level 0 to 1 in the scale.
pub(super) fn of(scale: &[Colour; 256], level: f32) -> Colour {
    scale[(level.clamp(0.0, 1.0) * 255.0).round() as usize]
}

fn colour(level: f64) -> Colour {
    let between = |[from, to]: [f64; 2]| from + (to - from) * level;
    // Little colour at both ends, where sRGB has none to give.
    let chroma = CHROMA * (std::f64::consts::PI * (0.08 + 0.84 * level)).sin().powf(0.8);
    let hue = between(HUE).to_radians();
    srgb(between(LIGHTNESS), chroma * hue.cos(), chroma * hue.sin())
}

/// From `OKLab`, with the matrices of its definition; clipped to what sRGB can show.
fn srgb(lightness: f64, a: f64, b: f64) -> Colour {
    let l = (lightness + 0.3963377774 * a + 0.2158037573 * b).powi(3);
    let m = (lightness - 0.1055613458 * a - 0.0638541728 * b).powi(3);
    let s = (lightness - 0.0894841775 * a - 1.2914855480 * b).powi(3);
    let linear = [
        4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
        -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
        -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
    ];
    Colour(linear.map(|value| {
        let value = value.clamp(0.0, 1.0);
        let coded =
            if value <= 0.0031308 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
        (255.0 * coded).round() as u8
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_has_equal_parts_and_white_is_white() {
        assert_eq!(srgb(1.0, 0.0, 0.0), Colour([255, 255, 255]));
        assert_eq!(srgb(0.0, 0.0, 0.0), Colour([0, 0, 0]));
        let Colour([r, g, b]) = srgb(0.6, 0.0, 0.0);
        assert!(r == g && g == b);
    }

    #[test]
    fn more_is_brighter_at_every_step() {
        let luma = |Colour([r, g, b]): Colour| {
            0.2126 * f64::from(r).powf(2.2)
                + 0.7152 * f64::from(g).powf(2.2)
                + 0.0722 * f64::from(b).powf(2.2)
        };
        let scale = scale();
        for (i, pair) in scale.windows(8).step_by(8).enumerate() {
            assert!(luma(pair[7]) > luma(pair[0]), "step {i}");
        }
    }
}
