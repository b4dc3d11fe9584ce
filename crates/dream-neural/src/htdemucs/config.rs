//! What a checkpoint says about its network.

use serde_json::Value;

use crate::Error;
use crate::weights::Options;

/// The shape of a network: options of the reference implementation by its names and with its defaults, as far as
/// they change the result.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "options of the reference, one by one")]
pub struct Config {
    /// What it separates, in order of the outputs: `drums`, `bass`, `other`, `vocals`...
    pub sources: Vec<String>,
    /// Frames per second.
    pub sample_rate: u32,
    /// Frames of the segment it was trained on: every input is that long.
    pub segment: usize,
    /// Channels after the first layer.
    pub channels: usize,
    /// The same of the time branch.
    pub channels_time: usize,
    /// Channels of a layer over those of the layer before.
    pub growth: usize,
    /// Size of the Fourier transform; hops are a quarter of it.
    pub fft: usize,
    /// Layers of the encoders.
    pub depth: usize,
    /// Weight of the frequency embedding, 0 for none.
    pub freq_emb: f32,
    /// What its stored values are multiplied by.
    pub emb_scale: f32,
    /// Whether encoders have residual branches.
    pub dconv_encoder: bool,
    /// Whether decoders have them.
    pub dconv_decoder: bool,
    /// Convolutions in a residual branch.
    pub dconv_depth: usize,
    /// Channels of a layer over those inside the residual branch.
    pub dconv_comp: f64,
    /// Channels of the transformer, 0 for those of the last encoder.
    pub bottom_channels: usize,
    /// Layers of the transformer.
    pub t_layers: usize,
    /// Attention heads.
    pub t_heads: usize,
    /// Width of the feed-forward part over the channels.
    pub t_hidden_scale: f64,
    /// Slowest period of the position embedding.
    pub t_max_period: f64,
    /// Weight of the position embedding.
    pub t_weight_pos_embed: f32,
    /// Whether layers end with a norm over everything.
    pub t_norm_out: bool,
    /// Whether residuals are scaled by learnt factors.
    pub t_layer_scale: bool,
    /// Whether cross attention comes first.
    pub t_cross_first: bool,
    /// Options that the reference implementation does not know either, and drops.
    pub ignored: Vec<String>,
}

/// Options that change nothing at inference.
const WITHOUT_EFFECT: &[&str] = &[
    "wiener_residual",
    "multi_freqs_depth",
    "emb_smooth",
    "time_stride",
    "norm_groups",
    "dconv_init",
    "t_dropout",
    "t_max_positions",
    "t_norm_in_group",
    "t_weight_decay",
    "t_lr",
    "t_cape_mean_normalize",
    "t_cape_augment",
    "t_cape_glob_loc_scale",
    "t_mask_type",
    "t_mask_random_seed",
    "t_sparse_attn_window",
    "t_global_window",
    "t_sparsity",
    "t_auto_sparsity",
    "rescale",
    "use_train_segment",
];

/// Largest counts that are believed; far above every published network.
const MAX: u64 = 1 << 14;

impl Config {
    /// Reads the options of a checkpoint.
    ///
    /// # Errors
    /// `Unsupported` for an option whose value would need code that is not here.
    pub fn new(options: &Options) -> Result<Self, Error> {
        let mut ask = Ask { options, known: WITHOUT_EFFECT.to_vec() };
        let rate = ask.count("samplerate", 44_100, 1..=768_000)?;
        let channels = ask.count("channels", 48, 8..=MAX)?;
        let dconv_mode = ask.count("dconv_mode", 1, 0..=3)?;
        let config = Self {
            sources: ask.sources()?,
            sample_rate: rate as u32,
            segment: ask.segment(rate as u32)?,
            channels,
            channels_time: ask.count_or_null("channels_time", channels)?,
            growth: ask.count("growth", 2, 1..=8)?,
            fft: ask.count("nfft", 4096, 64..=1 << 16)?,
            depth: ask.count("depth", 4, 1..=8)?,
            freq_emb: ask.number("freq_emb", 0.2)? as f32,
            emb_scale: ask.number("emb_scale", 10.0)? as f32,
            dconv_encoder: dconv_mode & 1 != 0,
            dconv_decoder: dconv_mode & 2 != 0,
            dconv_depth: ask.count("dconv_depth", 2, 1..=2)?,
            dconv_comp: ask.number("dconv_comp", 8.0)?,
            bottom_channels: ask.count("bottom_channels", 0, 0..=MAX)?,
            t_layers: ask.count("t_layers", 5, 0..=64)?,
            t_heads: ask.count("t_heads", 8, 1..=MAX)?,
            t_hidden_scale: ask.number("t_hidden_scale", 4.0)?,
            t_max_period: ask.number("t_max_period", 10_000.0)?,
            t_weight_pos_embed: ask.number("t_weight_pos_embed", 1.0)? as f32,
            t_norm_out: ask.flag("t_norm_out", true)?,
            t_layer_scale: ask.flag("t_layer_scale", true)?,
            t_cross_first: ask.flag("t_cross_first", false)?,
            ignored: Vec::new(),
        };
        ask.require("audio_channels", &Value::from(2), &Value::from(2), "2")?;
        ask.require("wiener_iters", &Value::from(0), &Value::from(0), "0")?;
        ask.require("end_iters", &Value::from(0), &Value::from(0), "0")?;
        for name in ["cac", "rewrite", "t_norm_in", "t_norm_first", "t_gelu"] {
            ask.require(name, &Value::from(true), &Value::from(true), "true")?;
        }
        for name in ["t_group_norm", "t_sparse_self_attn", "t_sparse_cross_attn"] {
            ask.require(name, &Value::from(false), &Value::from(false), "false")?;
        }
        ask.require("kernel_size", &Value::from(8), &Value::from(8), "8")?;
        ask.require("stride", &Value::from(4), &Value::from(4), "4")?;
        ask.require("context", &Value::from(1), &Value::from(1), "1")?;
        ask.require("context_enc", &Value::from(0), &Value::from(0), "0")?;
        ask.require("t_sin_random_shift", &Value::from(0), &Value::from(0), "0")?;
        ask.require("t_emb", &Value::from("sin"), &Value::from("sin"), "sin")?;
        let norm_starts = ask.count("norm_starts", 4, 0..=MAX)?;
        if norm_starts < config.depth {
            return Err(ask.unsupported("norm_starts", "at least depth"));
        }
        let bands = ask.get("multi_freqs");
        if bands.is_some_and(|bands| bands.as_array().is_none_or(|bands| !bands.is_empty())) {
            return Err(ask.unsupported("multi_freqs", "an empty list"));
        }
        let ignored = options.keys().filter(|name| !ask.known.contains(&name.as_str()));
        let ignored = ignored.cloned().collect();
        Self { ignored, ..config }.check()
    }

    /// Channels of layer `index` of the frequency encoder.
    pub(crate) fn width(&self, index: usize) -> usize {
        self.channels * self.growth.pow(index as u32)
    }

    /// Channels of layer `index` of the time encoder.
    pub(crate) fn width_time(&self, index: usize) -> usize {
        self.channels_time * self.growth.pow(index as u32)
    }

    /// Channels inside the transformer.
    pub(crate) fn bottom(&self) -> usize {
        if self.bottom_channels > 0 { self.bottom_channels } else { self.width(self.depth - 1) }
    }

    /// Frames from one column of the spectrogram to the next.
    pub(crate) fn hop(&self) -> usize {
        self.fft / 4
    }

    /// Columns of the spectrogram of a segment.
    pub(crate) fn hops(&self) -> usize {
        self.segment.div_ceil(self.hop())
    }

    fn check(self) -> Result<Self, Error> {
        let fault = |name, got: String, supported| Err(Error::Unsupported { name, got, supported });
        let last = self.width(self.depth - 1).max(self.width_time(self.depth - 1));
        if last as u64 > MAX {
            return fault("growth", self.growth.to_string(), "at most 16384 channels in all");
        }
        // The last layer of the encoder must not swallow all frequencies: that would merge the branches.
        let frequencies = (self.fft / 2) >> (2 * (self.depth - 1));
        if !self.fft.is_power_of_two() || frequencies <= 8 {
            return fault("nfft", self.fft.to_string(), "a power of 2 above 16 * 4^(depth - 1)");
        }
        if self.segment <= self.fft {
            return fault("segment", self.segment.to_string(), "longer than nfft frames");
        }
        if self.width_time(self.depth - 1) != self.width(self.depth - 1) {
            return fault("channels_time", self.channels_time.to_string(), "the same as channels");
        }
        if !(self.dconv_comp >= 1.0 && self.dconv_comp <= self.channels as f64) {
            return fault("dconv_comp", self.dconv_comp.to_string(), "1 to channels");
        }
        if !self.bottom().is_multiple_of(4 * self.t_heads) && self.t_layers > 0 {
            return fault(
                "t_heads",
                self.t_heads.to_string(),
                "a divisor of a quarter of the width",
            );
        }
        if !(self.t_hidden_scale > 0.0 && self.t_hidden_scale <= 64.0) {
            return fault("t_hidden_scale", self.t_hidden_scale.to_string(), "above 0 to 64");
        }
        if self.t_max_period.partial_cmp(&1.0) != Some(std::cmp::Ordering::Greater) {
            return fault("t_max_period", self.t_max_period.to_string(), "above 1");
        }
        Ok(self)
    }
}

/// Asks for options, and remembers which.
struct Ask<'a> {
    options: &'a Options,
    known: Vec<&'static str>,
}

impl<'a> Ask<'a> {
    fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.options.get(name)
    }

    fn unsupported(&self, name: &'static str, supported: &'static str) -> Error {
        let got = self.options.get(name).map_or("absent".to_owned(), ToString::to_string);
        Error::Unsupported { name, got: got.chars().take(80).collect(), supported }
    }

    fn count(
        &mut self,
        name: &'static str,
        default: usize,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<usize, Error> {
        let Some(value) = self.get(name) else { return Ok(default) };
        let whole = |value: &Value| {
            value.as_u64().or_else(|| value.as_f64().filter(|x| x.fract() == 0.0).map(|x| x as u64))
        };
        let count = whole(value).filter(|count| range.contains(count));
        count.map(|count| count as usize).ok_or_else(|| self.unsupported(name, "a whole number"))
    }

    fn count_or_null(&mut self, name: &'static str, default: usize) -> Result<usize, Error> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(_) => self.count(name, default, 8..=MAX),
        }
    }

    fn number(&mut self, name: &'static str, default: f64) -> Result<f64, Error> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.as_f64().filter(|x| x.is_finite()).ok_or_else(|| self.unsupported(name, "a number"))
    }

    fn flag(&mut self, name: &'static str, default: bool) -> Result<bool, Error> {
        let Some(value) = self.get(name) else { return Ok(default) };
        let flag = value.as_bool().or_else(|| value.as_u64().map(|x| x != 0));
        flag.ok_or_else(|| self.unsupported(name, "true or false"))
    }

    fn require(
        &mut self,
        name: &'static str,
        default: &Value,
        need: &Value,
        supported: &'static str,
    ) -> Result<(), Error> {
        let value = self.get(name).unwrap_or(default);
        // Python takes 1 for true and 1.0 for 1.
        let number = |value: &Value| value.as_f64().or_else(|| value.as_bool().map(f64::from));
        let same = value == need || (number(value).is_some() && number(value) == number(need));
        if same { Ok(()) } else { Err(self.unsupported(name, supported)) }
    }

    fn sources(&mut self) -> Result<Vec<String>, Error> {
        let names = self.get("sources").and_then(Value::as_array).map(|names| {
            names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        match names {
            Some(Some(names)) if (1..=64).contains(&names.len()) => Ok(names),
            _ => Err(self.unsupported("sources", "a list of 1 to 64 names")),
        }
    }

    /// Seconds as a number or a fraction, in whole frames.
    fn segment(&mut self, rate: u32) -> Result<usize, Error> {
        let frames = match self.get("segment") {
            None => 10.0 * f64::from(rate),
            Some(value) => {
                let part = |name| value.get(name).and_then(Value::as_f64);
                match (part("numerator"), part("denominator")) {
                    (Some(over), Some(under)) => over * f64::from(rate) / under,
                    _ => value.as_f64().unwrap_or(f64::NAN) * f64::from(rate),
                }
            }
        };
        // Two minutes: attention grows with the square of it.
        if frames >= 1.0 && frames <= 120.0 * f64::from(rate) {
            Ok(frames as usize)
        } else {
            Err(self.unsupported("segment", "up to 120 s"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: &str) -> Options {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_published_options_are_read() {
        let config = Config::new(&options(
            r#"{"sources": ["drums", "bass", "other", "vocals"], "dconv_mode": 3, "bottom_channels": 512,
            "segment": {"_type": "fraction", "numerator": 39, "denominator": 5}, "hybrid": 1, "t_dropout": 0.02,
            "channels_time": null, "multi_freqs": []}"#,
        ))
        .unwrap();
        assert_eq!((config.segment, config.hops(), config.bottom()), (343_980, 336, 512));
        assert_eq!(config.ignored, ["hybrid"]);
        assert!(config.dconv_encoder && config.dconv_decoder);
    }

    #[track_caller]
    fn refused(option: &str, name: &str) {
        let text = format!(r#"{{"sources": ["a"], "channels": 48, {option}}}"#);
        match Config::new(&options(&text)) {
            Err(Error::Unsupported { name: got, .. }) => assert_eq!(got, name),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_that_would_need_other_code_are_refused() {
        refused(r#""cac": false"#, "cac");
        refused(r#""t_emb": "cape""#, "t_emb");
        refused(r#""multi_freqs": [0.5]"#, "multi_freqs");
        refused(r#""norm_starts": 2"#, "norm_starts");
        refused(r#""segment": 1e9"#, "segment");
        refused(r#""segment": "x""#, "segment");
        refused(r#""nfft": 1024"#, "nfft");
        refused(r#""growth": 8, "depth": 6, "nfft": 65536, "norm_starts": 6"#, "growth");
        refused(r#""t_heads": 7"#, "t_heads");
        refused(r#""audio_channels": 1"#, "audio_channels");
        refused(r#""dconv_comp": 0"#, "dconv_comp");
    }
}
