//! Where weights come from: checkpoint files, read as data.
//!
//! Formats: `.th`, the zip archive with a pickle inside that PyTorch writes, holding class, arguments and tensors;
//! `.safetensors` with class and arguments as JSON in its metadata, as the same models are published in. Nothing in a
//! file is executed: a pickle that asks for more than data is refused (see `pickle`).
//! Names of published files end in the start of their SHA-256 (`955717e8-8726e21a.th`); it is checked.
//! Memory: the file. Tensors are converted when they are asked for.

mod archive;
mod pickle;
mod torch;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Error;

/// Largest file that is read: ten times the largest published.
pub const MAX_BYTES: u64 = 2 << 30;
/// The published sets of weights as TOML: names, files, places, licences. What is done with it is the engine's.
pub const PUBLISHED: &str = include_str!("../weights.toml");
/// Most tensors of a file.
const MAX_TENSORS: usize = 1 << 16;

/// The arguments that a network was built with. Fractions are `{"numerator", "denominator"}`.
pub type Options = BTreeMap<String, Value>;

/// A checkpoint in memory.
#[derive(Debug)]
pub struct Store {
    bytes: Vec<u8>,
    tensors: BTreeMap<String, Tensor>,
    class: String,
    options: Options,
    sha256: String,
}

/// Where a tensor lies.
#[derive(Debug, Clone)]
struct Tensor {
    format: Format,
    shape: Vec<usize>,
    /// In elements; the last axis has stride 1 where the tensor is contiguous.
    strides: Vec<usize>,
    /// In the file.
    bytes: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Half,
    Brain,
    Single,
    Double,
    /// Of no use to a network, but allowed.
    Other,
}

impl Format {
    fn bytes(self) -> usize {
        match self {
            Self::Half | Self::Brain => 2,
            Self::Single => 4,
            Self::Double => 8,
            Self::Other => 1,
        }
    }
}

impl Store {
    /// Opens a checkpoint, its format told by its content, and checks the file's SHA-256 against its name where the
    /// name ends in `-` and eight or more hexadecimal digits.
    ///
    /// # Errors
    /// `Io`, `TooLarge`, `Checksum`, `Malformed`, `Calls`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path)?;
        let too_large = |got| Error::TooLarge { got, limit: MAX_BYTES };
        let len = file.metadata()?.len();
        if len > MAX_BYTES {
            return Err(too_large(len));
        }
        let mut bytes = Vec::with_capacity(len as usize);
        // The file may grow while it is read.
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(too_large(bytes.len() as u64));
        }
        let sha256 = hexadecimal(&bytes);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if let Some(expected) = promised(stem)
            && !sha256.starts_with(&expected)
        {
            let got = sha256.chars().take(expected.len()).collect();
            return Err(Error::Checksum { expected, got });
        }
        Self::new(bytes, sha256)
    }

    /// Reads a checkpoint from memory.
    ///
    /// # Errors
    /// `Malformed`, `Calls`.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        let sha256 = hexadecimal(&bytes);
        Self::new(bytes, sha256)
    }

    fn new(bytes: Vec<u8>, sha256: String) -> Result<Self, Error> {
        let contents = if bytes.starts_with(b"PK") { torch::read(&bytes)? } else { plain(&bytes)? };
        let Contents { tensors, class, options } = contents;
        Ok(Self { bytes, tensors, class, options, sha256 })
    }

    /// The name of the network's class, without its module.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// The arguments of the network.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The SHA-256 of the file, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The names of all tensors.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The top of the tree of names.
    pub fn root(&self) -> At<'_> {
        At { store: self, path: String::new() }
    }
}

/// A place in the tree of tensor names: `encoder.0.conv`.
#[derive(Debug, Clone)]
pub struct At<'a> {
    store: &'a Store,
    path: String,
}

impl At<'_> {
    /// The place `name` below this one.
    #[must_use]
    pub fn at(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { store: self.store, path: format!("{}{dot}{name}", self.path) }
    }

    /// The values of the tensor `name` below this place, which must have that shape.
    ///
    /// # Errors
    /// `MissingTensor`, `Shape`, `NotFinite`; `Malformed` when it holds no floating-point numbers.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let name = self.at(name).path;
        let Some(tensor) = self.store.tensors.get(&name) else {
            return Err(Error::MissingTensor(name));
        };
        if tensor.shape != shape {
            return Err(Error::Shape { name, got: tensor.shape.clone(), need: shape.to_vec() });
        }
        let values = tensor.values(&self.store.bytes[tensor.bytes.clone()])?;
        if values.iter().all(|x| x.is_finite()) { Ok(values) } else { Err(Error::NotFinite(name)) }
    }
}

impl Tensor {
    fn values(&self, bytes: &[u8]) -> Result<Vec<f32>, Error> {
        let all: Vec<f32> = match self.format {
            Format::Half => words(bytes).map(half).collect(),
            Format::Brain => words(bytes).map(|x| f32::from_bits(u32::from(x) << 16)).collect(),
            Format::Single => bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect(),
            Format::Double => {
                bytes.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x) as f32).collect()
            }
            Format::Other => return Err(Error::Malformed("a tensor of another type than float")),
        };
        if self.is_contiguous() {
            return Ok(all);
        }
        // Row by row through the strides; bounds were checked when the tensor was read.
        let count = self.shape.iter().product();
        let mut index = vec![0; self.shape.len()];
        let mut out = Vec::with_capacity(count);
        for _ in 0..count {
            out.push(
                all[index.iter().zip(&self.strides).map(|(i, stride)| i * stride).sum::<usize>()],
            );
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < self.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Ok(out)
    }

    fn is_contiguous(&self) -> bool {
        self.strides == contiguous(&self.shape)
    }
}

/// The strides of a tensor without gaps.
fn contiguous(shape: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect()
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.as_chunks().0.iter().map(|x| u16::from_le_bytes(*x))
}

/// A number of IEEE 754 binary16.
pub(crate) fn half(bits: u16) -> f32 {
    let (sign, exponent) = (u32::from(bits >> 15) << 31, u32::from(bits >> 10) & 31);
    let fraction = u32::from(bits & 0x3ff);
    let magnitude = match exponent {
        // Below the normal numbers: a multiple of 2^-24.
        0 => (fraction as f32 * 5.960_464_5e-8).to_bits(),
        31 => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// What a file holds.
struct Contents {
    tensors: BTreeMap<String, Tensor>,
    class: String,
    options: Options,
}

/// Reads `.safetensors`.
fn plain(bytes: &[u8]) -> Result<Contents, Error> {
    let malformed = |_| Error::Malformed("neither a PyTorch archive nor safetensors");
    let (header, metadata) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
    let start = header + 8;
    if metadata.data_len() != bytes.len() - start {
        return Err(Error::Malformed("the file is cut"));
    }
    let names = metadata.offset_keys();
    if names.len() > MAX_TENSORS {
        return Err(Error::Malformed("too many tensors"));
    }
    let tensors = names.into_iter().filter_map(|name| {
        let info = metadata.info(&name)?;
        let format = match info.dtype {
            Dtype::F16 => Format::Half,
            Dtype::BF16 => Format::Brain,
            Dtype::F32 => Format::Single,
            Dtype::F64 => Format::Double,
            _ => Format::Other,
        };
        let (from, to) = info.data_offsets;
        let (shape, strides) = (info.shape.clone(), contiguous(&info.shape));
        Some((name, Tensor { format, shape, strides, bytes: start + from..start + to }))
    });
    let tensors = tensors.collect();
    let empty = std::collections::HashMap::new();
    let texts = metadata.metadata().as_ref().unwrap_or(&empty);
    let text = |name: &str| texts.get(name).ok_or(Error::Malformed("no class or arguments"));
    let json = |name: &str| {
        serde_json::from_str(text(name)?)
            .map_err(|_| Error::Malformed("arguments that are no JSON"))
    };
    let class = text("klass")?.rsplit('.').next().unwrap_or_default().to_owned();
    let options = named(json("args")?, json("kwargs")?)?;
    Ok(Contents { tensors, class, options })
}

/// Joins arguments given by place, of which only the first is known, with those given by name.
fn named(args: Value, kwargs: Value) -> Result<Options, Error> {
    let (Value::Array(args), Value::Object(kwargs)) = (args, kwargs) else {
        return Err(Error::Malformed("arguments that are no list and object"));
    };
    let mut options: Options = kwargs.into_iter().collect();
    if args.len() > 1 {
        return Err(Error::Malformed("more than one argument without a name"));
    }
    options.extend(args.into_iter().map(|sources| ("sources".to_owned(), sources)));
    Ok(options)
}

fn hexadecimal(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

/// The start of the SHA-256 that a file name promises.
fn promised(stem: &str) -> Option<String> {
    let (_, digits) = stem.rsplit_once('-')?;
    let good = (8..=64).contains(&digits.len()) && digits.bytes().all(|x| x.is_ascii_hexdigit());
    good.then(|| digits.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
