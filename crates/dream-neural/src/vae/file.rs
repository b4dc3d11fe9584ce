//! Models and checkpoints as safetensors: a header of JSON, then the tensors.
//!
//! Class and description stand in the metadata under the names that other checkpoints use (`klass`, `args`, `kwargs`), so that one
//! reader reads both. The header is written in order, so that the same model is the same bytes.

use serde_json::{Map, Value, json};

use crate::Error;
use crate::weights::{At, Options, Store};

/// How tensors are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    /// 16 bits: for models.
    Half,
    /// 32 bits: for what goes on learning.
    Single,
}

/// A tensor with its name and shape.
pub(super) struct Tensor<'a> {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) values: &'a [f32],
    pub(super) precision: Precision,
}

/// The bytes of a file.
pub(super) fn write(class: &str, options: &Value, tensors: &[Tensor<'_>]) -> Vec<u8> {
    let mut header = Map::new();
    let metadata = json!({"klass": class, "args": "[]", "kwargs": options.to_string()});
    header.insert("__metadata__".to_owned(), metadata);
    let mut end = 0;
    for tensor in tensors {
        let start = end;
        let (kind, width) = match tensor.precision {
            Precision::Half => ("F16", 2),
            Precision::Single => ("F32", 4),
        };
        end += width * tensor.values.len();
        let place = json!({"dtype": kind, "shape": tensor.shape, "data_offsets": [start, end]});
        header.insert(tensor.name.clone(), place);
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(8 + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    for tensor in tensors {
        match tensor.precision {
            Precision::Half => {
                bytes.extend(tensor.values.iter().flat_map(|x| half(*x).to_le_bytes()));
            }
            Precision::Single => bytes.extend(tensor.values.iter().flat_map(|x| x.to_le_bytes())),
        }
    }
    bytes
}

/// A file read back.
pub(super) struct File {
    store: Store,
}

impl File {
    /// Reads a file of that class.
    ///
    /// # Errors
    /// `Malformed`, `OtherNetwork`.
    pub(super) fn read(bytes: Vec<u8>, class: &'static str) -> Result<Self, Error> {
        let store = Store::from_bytes(bytes)?;
        if store.class() != class {
            return Err(Error::OtherNetwork { got: store.class().to_owned(), need: class });
        }
        Ok(Self { store })
    }

    /// The description.
    ///
    /// # Errors
    /// `Malformed` when it is none of that type.
    pub(super) fn options<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        let options: &Options = self.store.options();
        let object: Map<String, Value> =
            options.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        serde_json::from_value(Value::Object(object))
            .map_err(|_| Error::Malformed("a header that another version wrote"))
    }

    /// The tensors.
    pub(super) fn root(&self) -> At<'_> {
        self.store.root()
    }
}

/// The nearest number of IEEE 754 binary16, ties to even; what is too large becomes the largest.
pub(super) fn half(x: f32) -> u16 {
    let (bits, sign) = (x.to_bits(), (x.to_bits() >> 16 & 0x8000) as u16);
    let magnitude = f32::from_bits(bits & 0x7fff_ffff).min(65_504.0);
    if magnitude < 6.103_515_6e-5 {
        // A multiple of 2^-24; the scaled value is exact.
        return sign | (magnitude * 16_777_216.0).round_ties_even() as u16;
    }
    let bits = magnitude.to_bits();
    let (kept, rest) = (bits >> 13, bits & 0x1fff);
    let up = u32::from(rest > 0x1000 || (rest == 0x1000 && kept & 1 == 1));
    sign | (kept + up - (112 << 10)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(values: &[f32], precision: Precision) -> Vec<u8> {
        let tensor =
            Tensor { name: "a.b".to_owned(), shape: vec![values.len()], values, precision };
        write("Thing", &json!({"x": 3}), &[tensor])
    }

    #[test]
    fn what_is_written_is_read_back() {
        let values: Vec<f32> = (0..2000).map(|i| (i as f32 - 900.0).powi(3) * 1e-5).collect();
        let read = File::read(file(&values, Precision::Single), "Thing").unwrap();
        assert_eq!(read.root().at("a").tensor("b", &[2000]).unwrap(), values);
        assert_eq!(read.options::<Value>().unwrap(), json!({"x": 3}));
        let read = File::read(file(&values, Precision::Half), "Thing").unwrap();
        for (half, exact) in read.root().at("a").tensor("b", &[2000]).unwrap().iter().zip(&values) {
            assert!((half - exact).abs() <= 0.000_5 * exact.abs() + 4e-8, "{half} {exact}");
        }
    }

    #[test]
    fn halves_are_rounded_to_the_nearest() {
        let check = |x: f32, bits: u16| assert_eq!(half(x), bits, "{x}");
        check(0.0, 0);
        check(1.0, 0x3c00);
        check(-2.0, 0xc000);
        check(65_504.0, 0x7bff);
        check(1e9, 0x7bff);
        check(5.960_464_5e-8, 1);
        check(1.0 + 1.0 / 2048.0, 0x3c00);
        check(1.0 + 3.0 / 2048.0, 0x3c02);
        check(6.103_515_6e-5, 0x0400);
        check(6.1e-5, 0x03ff);
    }

    #[test]
    fn other_files_are_refused() {
        let good = file(&[1.0, 2.0], Precision::Single);
        assert!(matches!(File::read(good.clone(), "Other"), Err(Error::OtherNetwork { .. })));
        for cut in [0, 7, 30, good.len() - 1] {
            assert!(File::read(good[..cut].to_vec(), "Thing").is_err(), "{cut}");
        }
    }
}
