//! Charts of figures, and sheets of spectrograms, in the look of the picture of a clip.

use dream_audio::Clip;

use super::canvas::{Area, Colour, Image};
use super::{BACKGROUND, BAR, BRIGHT, FAINT, LOOP, PANEL, PLAIN, round_step, spectrogram, text};

/// Width of a chart, and height of each of its panels, in pixels.
const WIDTH: usize = 1200;
const HEIGHT: usize = 420;
/// Width and height of a spectrogram of a sheet.
const CELL: [usize; 2] = [230, 150];
/// Room around panels, and for a line of words.
const MARGIN: usize = 72;
const LINE: usize = 26;
/// Colours of the series, in their order.
const COLOURS: [Colour; 5] =
    [Colour([126, 190, 250]), BAR, LOOP, Colour([255, 84, 84]), Colour([200, 140, 255])];
/// Radius of a point in pixels.
const RADIUS: i64 = 4;
/// More cells than this make no picture.
const MOST: usize = 400;

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// From point to point.
    Line,
    /// Each point alone.
    Point,
}

/// Points of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What they are.
    pub name: String,
    /// How they are drawn.
    pub mark: Mark,
    /// Across and up; what is not finite is left out.
    pub points: Vec<[f64; 2]>,
}

/// Series over the same axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What is shown.
    pub title: String,
    /// What lies on it, the first at the back.
    pub series: Vec<Series>,
}

/// Draws charts one below the other, each with axes of its own.
pub fn charts(charts: &[Chart]) -> Image {
    let mut image = Image::new(WIDTH, (charts.len() * HEIGHT).max(1), BACKGROUND);
    for (i, chart) in charts.iter().enumerate() {
        let area = Area {
            x: MARGIN,
            y: i * HEIGHT + 2 * LINE,
            width: WIDTH - MARGIN - LINE,
            height: HEIGHT - 4 * LINE,
        };
        image.fill(area, PANEL);
        image.text(MARGIN, area.y - 2 * LINE + 10, 20, BRIGHT, WIDTH, &chart.title);
        draw(&mut image, area, chart);
    }
    image
}

/// Draws clips as spectrograms in rows, each with its words above it.
pub fn sheet(title: &str, rows: &[Vec<(String, &Clip)>]) -> Image {
    let [width, height] = CELL;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0).min(MOST);
    let rows = &rows[..rows.len().min(MOST / columns.max(1))];
    let mut image = Image::new(
        LINE + columns.max(2) * (width + LINE),
        2 * LINE + rows.len() * (height + 2 * LINE),
        BACKGROUND,
    );
    let right = image.width;
    image.text(LINE, LINE / 2, 20, BRIGHT, right, title);
    for (r, row) in rows.iter().enumerate() {
        for (c, (words, clip)) in row.iter().take(columns).enumerate() {
            let (x, y) = (LINE + c * (width + LINE), 3 * LINE + r * (height + 2 * LINE));
            image.text(x, y - 18, 14, PLAIN, x + width, words);
            let area = Area { x, y, width, height };
            image.fill(area, PANEL);
            spectrogram::draw(&mut image, area, clip);
        }
    }
    image
}

/// The values along an axis that are shown.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// From the least to the largest of some values, and a little more.
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let finite = values.filter(|x| x.is_finite());
        let ends = finite.fold([f64::MAX, f64::MIN], |[low, high], x| [low.min(x), high.max(x)]);
        let [low, high] = if ends[0] > ends[1] { [0.0, 1.0] } else { ends };
        let room = (0.04 * (high - low)).max(1e-9 * high.abs()).max(1e-9);
        Self { low: low - room, high: high + room }
    }

    fn share(self, x: f64) -> f64 {
        (x - self.low) / (self.high - self.low)
    }

    /// Round values within it, with their words.
    fn ticks(self) -> Vec<(f64, String)> {
        let step = round_step_of(self.high - self.low);
        let digits = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
        let first = (self.low / step).ceil();
        let at = |i: i32| (first + f64::from(i)) * step;
        let inside = (0..20).map(at).take_while(|x| *x <= self.high);
        inside.map(|x| (x, format!("{x:.digits$}"))).collect()
    }
}

/// A round step of which about eight fit in.
fn round_step_of(width: f64) -> f64 {
    // The steps of time turn to minutes above ten.
    let decade = 10.0_f64.powf((width / 8.0).log10().floor());
    decade * round_step(width / 8.0 / decade)
}

fn draw(image: &mut Image, area: Area, chart: &Chart) {
    let all = || chart.series.iter().flat_map(|series| &series.points);
    let (across, up) = (Range::of(all().map(|p| p[0])), Range::of(all().map(|p| p[1])));
    let column = |x: f64| area.x as i64 + (across.share(x) * area.width as f64) as i64;
    let row = |y: f64| area.y as i64 + ((1.0 - up.share(y)) * area.height as f64) as i64;
    let bottom = area.y + area.height;
    for (x, words) in across.ticks() {
        let x = column(x) as usize;
        image.line(Area { x, y: area.y, width: 1, height: area.height }, FAINT, 0.25);
        image.text(x.saturating_sub(8), bottom + 6, 14, PLAIN, WIDTH, &words);
    }
    for (y, words) in up.ticks() {
        let y = row(y) as usize;
        image.line(Area { x: area.x, y, width: area.width, height: 1 }, FAINT, 0.25);
        image.text_left_of(area.x - 6, y.saturating_sub(7), 14, PLAIN, &words);
    }
    let mut x = area.x;
    for (series, colour) in chart.series.iter().zip(COLOURS.iter().cycle()) {
        let places: Vec<[i64; 2]> = series
            .points
            .iter()
            .filter(|point| point.iter().all(|x| x.is_finite()))
            .map(|point| [column(point[0]), row(point[1])])
            .collect();
        match series.mark {
            Mark::Point => places.iter().for_each(|place| disc(image, *place, *colour)),
            Mark::Line => places.windows(2).for_each(|ends| stroke(image, ends, *colour)),
        }
        image.fill(Area { x, y: area.y - 16, width: 10, height: 10 }, *colour);
        image.text(x + 16, area.y - 19, 14, PLAIN, WIDTH, &series.name);
        x += 48 + text::width(&series.name, 14);
    }
}

fn disc(image: &mut Image, [x, y]: [i64; 2], colour: Colour) {
    for dy in -RADIUS..=RADIUS {
        for dx in -RADIUS..=RADIUS {
            if dx * dx + dy * dy <= RADIUS * RADIUS {
                dot(image, x + dx, y + dy, colour, 0.75);
            }
        }
    }
}

fn stroke(image: &mut Image, ends: &[[i64; 2]], colour: Colour) {
    let [[x0, y0], [x1, y1]] = [ends[0], ends[1]];
    let steps = (x1 - x0).abs().max((y1 - y0).abs()).max(1);
    for i in 0..=steps {
        let (x, y) = (x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps);
        dot(image, x, y, colour, 1.0);
        dot(image, x, y + 1, colour, 0.6);
    }
}

fn dot(image: &mut Image, x: i64, y: i64, colour: Colour, alpha: f32) {
    if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) {
        image.blend(x, y, colour, alpha);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dream_core::SampleRate;

    fn series(mark: Mark, points: &[[f64; 2]]) -> Chart {
        let series = Series { name: "a".to_owned(), mark, points: points.to_vec() };
        Chart { title: "a".to_owned(), series: vec![series] }
    }

    /// Pixels of the first series' colour in the panel.
    fn ink(image: &Image) -> Vec<(usize, usize)> {
        let places =
            (2 * LINE..HEIGHT - 2 * LINE).flat_map(|y| (MARGIN..WIDTH).map(move |x| (x, y)));
        let near = |(x, y): &(usize, usize)| {
            let [r, g, b] = image.at(*x, *y);
            r < 140 && g > 130 && b > 180
        };
        places.filter(near).collect()
    }

    #[test]
    fn points_lie_where_their_values_are() {
        let image = charts(&[series(Mark::Point, &[[0.0, 0.0], [10.0, 5.0], [f64::NAN, 1.0]])]);
        assert_eq!((image.width, image.height), (WIDTH, HEIGHT));
        let ink = ink(&image);
        let (left, right): (Vec<_>, Vec<_>) = ink.iter().partition(|(x, _)| *x < WIDTH / 2);
        assert!(left.len() > 30 && left.len() == right.len(), "{} {}", left.len(), right.len());
        assert!(left.iter().all(|(_, y)| *y > HEIGHT / 2));
        assert!(right.iter().all(|(_, y)| *y < HEIGHT / 2));
    }

    #[test]
    fn a_line_has_no_gap() {
        let image = charts(&[series(Mark::Line, &[[0.0, 1.0], [1.0, 2.0], [2.0, 1.5]])]);
        let mut columns: Vec<usize> = ink(&image).into_iter().map(|(x, _)| x).collect();
        columns.dedup();
        columns.sort_unstable();
        columns.dedup();
        assert!(columns.len() > 900 && columns.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }

    #[test]
    fn nothing_and_one_point_make_a_picture() {
        for points in [&[][..], &[[3.0, 3.0]], &[[f64::INFINITY, f64::NAN]], &[[1e300, -1e300]]] {
            assert!(!charts(&[series(Mark::Line, points)]).rgb.is_empty());
        }
        assert!(!charts(&[]).rgb.is_empty() && !sheet("none", &[]).rgb.is_empty());
    }

    #[test]
    fn a_sheet_has_a_cell_for_every_clip() {
        let clip = Clip::mono(
            SampleRate::LIBRARY,
            (0..9_000).map(|i| (i as f32 * 0.05).sin() * 0.5).collect(),
        );
        let image = sheet("two", &[vec![("a".to_owned(), &clip), ("b".to_owned(), &clip)]]);
        let [width, height] = CELL;
        let bright = |from: usize| {
            let mut cells = (3 * LINE..3 * LINE + height)
                .flat_map(|y| (from..from + width).map(move |x| (x, y)));
            cells.any(|(x, y)| image.at(x, y)[0] > 200)
        };
        assert!(bright(LINE) && bright(LINE + width + LINE));
    }
}
