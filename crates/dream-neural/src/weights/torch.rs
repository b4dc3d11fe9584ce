//! The archive that PyTorch saves: `*/data.pkl` beside one member per storage, `*/data/0`, `*/data/1`...

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value, json};

use super::pickle::{Id, Item, Pickle};
use super::{Contents, Format, MAX_TENSORS, Tensor, archive, contiguous, named, pickle};
use crate::Error;

/// Longest pickle: a hundred times the published.
const MAX_PICKLE: usize = 32 << 20;
/// How deep arguments may be nested.
const MAX_DEPTH: usize = 8;
/// Most values of all arguments together, each counted as often as it is mentioned.
const MAX_VALUES: usize = 10_000;

type Members = BTreeMap<String, Range<usize>>;

pub(super) fn read(bytes: &[u8]) -> Result<Contents, Error> {
    let members = archive::members(bytes)?;
    let no_pickle = Error::Malformed("an archive without data.pkl");
    let name = members.keys().find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"));
    let name = name.ok_or(no_pickle)?;
    let folder = name.strip_suffix("data.pkl").unwrap_or_default();
    if let Some(order) = members.get(&format!("{folder}byteorder"))
        && &bytes[order.clone()] != b"little"
    {
        return Err(Error::Malformed("big-endian tensors"));
    }
    let range = members[name].clone();
    if range.len() > MAX_PICKLE {
        return Err(Error::TooLarge { got: range.len() as u64, limit: MAX_PICKLE as u64 });
    }
    let pickle = pickle::read(&bytes[range])?;
    let part = |name| {
        pickle.get(pickle.root, name).ok_or(Error::Malformed("no class, arguments or state"))
    };
    let Item::Global(class) = pickle.item(part("klass")?) else {
        return Err(Error::Malformed("a class without a name"));
    };
    let class = class.rsplit('.').next().unwrap_or_default().to_owned();
    let mut budget = MAX_VALUES;
    let args = value(&pickle, part("args")?, 0, &mut budget)?;
    let kwargs = value(&pickle, part("kwargs")?, 0, &mut budget)?;
    let options = named(args, kwargs)?;
    let Item::Dict(state) = pickle.item(part("state")?) else {
        return Err(Error::Malformed("a state that is no mapping"));
    };
    if state.len() > MAX_TENSORS {
        return Err(Error::Malformed("too many tensors"));
    }
    let mut tensors = BTreeMap::new();
    for [name, tensor] in state {
        let Item::Text(name) = pickle.item(*name) else {
            return Err(Error::Malformed("a tensor without a name"));
        };
        if name == "__quantized" {
            return Err(Error::Malformed("quantised weights, which are not supported"));
        }
        let tensor = self::tensor(&pickle, *tensor, folder, &members)?;
        tensors.insert(name.clone(), tensor);
    }
    Ok(Contents { tensors, class, options })
}

/// An argument as JSON.
fn value(pickle: &Pickle, id: Id, depth: usize, budget: &mut usize) -> Result<Value, Error> {
    let too_much = Error::Malformed("arguments without end");
    *budget = budget.checked_sub(1).ok_or(too_much)?;
    if depth > MAX_DEPTH {
        return Err(Error::Malformed("arguments nested too deep"));
    }
    Ok(match pickle.item(id) {
        Item::None => Value::Null,
        Item::Bool(value) => json!(value),
        Item::Int(value) => json!(value),
        Item::Float(value) => json!(value),
        Item::Text(text) => json!(text),
        Item::List(items) => {
            let items = items.iter().map(|id| value(pickle, *id, depth + 1, budget));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Item::Dict(pairs) => {
            let mut map = Map::new();
            for [key, item] in pairs {
                if let Item::Text(key) = pickle.item(*key) {
                    map.insert(key.clone(), value(pickle, *item, depth + 1, budget)?);
                }
            }
            Value::Object(map)
        }
        Item::Call(name, args) if name == "fractions.Fraction" => fraction(pickle, *args)?,
        _ => json!("an object that is not understood"),
    })
}

/// Python writes a fraction as the text `39/5`, or as its two numbers.
fn fraction(pickle: &Pickle, args: Id) -> Result<Value, Error> {
    let malformed = Error::Malformed("a fraction that is none");
    let number =
        |id: &Id| if let Item::Int(value) = pickle.item(*id) { Some(*value) } else { None };
    let parts = match pickle.list(args) {
        Some([id]) => match pickle.item(*id) {
            Item::Text(text) => {
                let (over, under) = text.split_once('/').unwrap_or((text, "1"));
                over.parse().ok().zip(under.parse().ok())
            }
            _ => number(id).map(|over| (over, 1)),
        },
        Some([over, under]) => number(over).zip(number(under)),
        _ => None,
    };
    let (over, under): (i64, i64) = parts.ok_or(malformed)?;
    Ok(json!({ "_type": "fraction", "numerator": over, "denominator": under }))
}

/// `_rebuild_tensor_v2(storage, offset, shape, strides, ...)`, maybe wrapped as a parameter.
fn tensor(pickle: &Pickle, id: Id, folder: &str, members: &Members) -> Result<Tensor, Error> {
    let malformed = || Error::Malformed("a tensor that is none");
    let Item::Call(name, args) = pickle.item(id) else { return Err(malformed()) };
    let mut args = pickle.list(*args).ok_or_else(malformed)?;
    if name == "torch._utils._rebuild_parameter" {
        let inner = args.first().ok_or_else(malformed)?;
        let Item::Call(_, inner) = pickle.item(*inner) else { return Err(malformed()) };
        args = pickle.list(*inner).ok_or_else(malformed)?;
    }
    let [storage, offset, shape, strides, ..] = args else { return Err(malformed()) };
    let counts = |id: Id| -> Option<Vec<usize>> {
        pickle.list(id).filter(|axes| axes.len() <= 8)?.iter().map(|id| pickle.count(*id)).collect()
    };
    let offset = pickle.count(*offset).ok_or_else(malformed)?;
    let shape = counts(*shape).ok_or_else(malformed)?;
    let strides = counts(*strides).ok_or_else(malformed)?;

    let Item::Persistent(storage) = pickle.item(*storage) else { return Err(malformed()) };
    let Some([_, class, key, _, _]) = pickle.list(*storage) else { return Err(malformed()) };
    let (Item::Global(class), Item::Text(key)) = (pickle.item(*class), pickle.item(*key)) else {
        return Err(malformed());
    };
    let format = match class.as_str() {
        "torch.HalfStorage" => Format::Half,
        "torch.BFloat16Storage" => Format::Brain,
        "torch.FloatStorage" => Format::Single,
        "torch.DoubleStorage" => Format::Double,
        _ => Format::Other,
    };
    let missing = Error::Malformed("a tensor without its storage");
    let member = members.get(&format!("{folder}data/{key}")).ok_or(missing)?.clone();
    if format == Format::Other {
        return Ok(Tensor { format, shape, strides, bytes: member });
    }
    // The tensor must lie in its storage, and not be larger: repeated values would cost memory for nothing.
    let available = member.len() / format.bytes();
    let product = |a: usize, b: &usize| a.checked_mul(*b);
    let count = shape.iter().try_fold(1, product).ok_or_else(malformed)?;
    let reach = shape.iter().zip(&strides).try_fold(0_usize, |reach, (axis, stride)| {
        reach.checked_add(axis.saturating_sub(1).checked_mul(*stride)?)
    });
    let reach = if count == 0 { Some(0) } else { reach.and_then(|reach| reach.checked_add(1)) };
    let end = reach.and_then(|reach| reach.checked_add(offset)).ok_or_else(malformed)?;
    if shape.len() != strides.len() || count > available || end > available {
        return Err(Error::Malformed("a tensor larger than its storage: the file is cut"));
    }
    // An axis of one step may have any stride.
    let dense = contiguous(&shape);
    let strides = strides.iter().zip(&dense).zip(&shape);
    let strides: Vec<usize> =
        strides.map(|((stride, dense), axis)| if *axis == 1 { *dense } else { *stride }).collect();
    let start = member.start + offset * format.bytes();
    let bytes = start..start + (end - offset) * format.bytes();
    Ok(Tensor { format, shape, strides, bytes })
}
