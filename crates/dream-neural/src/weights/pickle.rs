//! Python's pickles, read as data.
//!
//! A pickle is a program for a small stack machine, and in Python it can call anything. Here the machine builds
//! values and nothing else: calls of a few known constructors become data, objects of other classes are kept as opaque
//! values, and a call of any other function is an error with its name. Format: the Python standard library's
//! `pickletools` module, protocols 2 to 5.
//!
//! Values live in one list and refer to each other by number, so that shared and cyclic values cost nothing; every
//! instruction makes at most one value, so memory is bounded by the length of the pickle.

use crate::Error;

/// The number of a value.
pub(super) type Id = usize;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes,
    /// A list, a set or a tuple.
    List(Vec<Id>),
    Dict(Vec<[Id; 2]>),
    /// A class or function by its full name.
    Global(String),
    /// `torch._utils._rebuild_tensor_v2` and the like, with its arguments.
    Call(String, Id),
    /// What the archive keeps elsewhere.
    Persistent(Id),
    /// An object that nothing here understands.
    Opaque,
}

#[derive(Debug)]
pub(super) struct Pickle {
    items: Vec<Item>,
    pub(super) root: Id,
}

impl Pickle {
    pub(super) fn item(&self, id: Id) -> &Item {
        &self.items[id]
    }

    /// The value of a text key; the last one counts.
    pub(super) fn get(&self, id: Id, key: &str) -> Option<Id> {
        let Item::Dict(pairs) = self.item(id) else { return None };
        let text = |id| matches!(self.item(id), Item::Text(text) if text == key);
        pairs.iter().rev().find(|[name, _]| text(*name)).map(|[_, value]| *value)
    }

    pub(super) fn list(&self, id: Id) -> Option<&[Id]> {
        if let Item::List(items) = self.item(id) { Some(items) } else { None }
    }

    pub(super) fn count(&self, id: Id) -> Option<usize> {
        if let Item::Int(value) = self.item(id) { usize::try_from(*value).ok() } else { None }
    }
}

/// Constructors whose calls are data.
const KNOWN: &[&str] =
    &["torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter", "fractions.Fraction"];
/// Containers that begin empty, whatever the arguments are.
const DICTS: &[&str] = &["collections.OrderedDict", "collections.defaultdict", "builtins.dict"];
/// Packages whose objects appear in training settings, of which nothing is needed.
const OPAQUE: &[&str] = &["omegaconf.", "demucs.", "dora.", "pathlib.", "_codecs.encode"];

/// Reads the values of a pickle.
pub(super) fn read(bytes: &[u8]) -> Result<Pickle, Error> {
    let machine = Machine { rest: bytes, items: Vec::new(), stack: Vec::new(), marks: Vec::new() };
    machine.run()
}

const CUT: Error = Error::Malformed("the pickle is cut");
const EMPTY: Error = Error::Malformed("a pickle that takes more than it has");

struct Machine<'a> {
    rest: &'a [u8],
    items: Vec<Item>,
    stack: Vec<Id>,
    marks: Vec<usize>,
}

impl Machine<'_> {
    fn run(mut self) -> Result<Pickle, Error> {
        let mut memo = std::collections::BTreeMap::new();
        loop {
            let opcode = self.take(1)?[0];
            match opcode {
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),
                b'.' => {
                    let root = self.pop()?;
                    return Ok(Pickle { items: self.items, root });
                }
                b'N' => self.push(Item::None),
                0x88 => self.push(Item::Bool(true)),
                0x89 => self.push(Item::Bool(false)),
                b'K' => {
                    let value = self.number(1)?;
                    self.push(Item::Int(value));
                }
                b'M' => {
                    let value = self.number(2)?;
                    self.push(Item::Int(value));
                }
                b'J' => {
                    let value = self.number(4)? as i32;
                    self.push(Item::Int(i64::from(value)));
                }
                0x8a => {
                    let len = self.number(1)? as usize;
                    self.long(len)?;
                }
                b'G' => {
                    let value = f64::from_be_bytes(*self.take(8)?.first_chunk().expect("eight"));
                    self.push(Item::Float(value));
                }
                b'X' => self.text(4)?,
                0x8c => self.text(1)?,
                0x8d => self.text(8)?,
                b'U' | b'C' => self.opaque_bytes(1)?,
                b'T' | b'B' => self.opaque_bytes(4)?,
                0x8e | 0x96 => self.opaque_bytes(8)?,
                b'(' => self.marks.push(self.stack.len()),
                b']' | b')' | 0x8f => self.push(Item::List(Vec::new())),
                b'}' => self.push(Item::Dict(Vec::new())),
                b't' | b'l' | 0x91 => {
                    let items = self.above_mark()?;
                    self.push(Item::List(items));
                }
                b'd' => {
                    let items = self.above_mark()?;
                    self.push(Item::Dict(pairs(&items)?));
                }
                0x85..=0x87 => {
                    let from = self.stack.len().checked_sub(usize::from(opcode - 0x84));
                    let items = self.stack.split_off(from.ok_or(EMPTY)?);
                    self.push(Item::List(items));
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend(&[item])?;
                }
                b'e' | 0x90 => {
                    let items = self.above_mark()?;
                    self.extend(&items)?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.set(&[key, value])?;
                }
                b'u' => {
                    let items = self.above_mark()?;
                    self.set(&items)?;
                }
                b'q' => drop(memo.insert(self.number(1)?, self.top()?)),
                b'r' => drop(memo.insert(self.number(4)?, self.top()?)),
                0x94 => {
                    let number = memo.len() as i64;
                    memo.insert(number, self.top()?);
                }
                b'h' | b'j' => {
                    let number = self.number(if opcode == b'h' { 1 } else { 4 })?;
                    let unknown = Error::Malformed("a pickle that recalls what it never knew");
                    self.stack.push(*memo.get(&number).ok_or(unknown)?);
                }
                b'0' => drop(self.pop()?),
                b'1' => drop(self.above_mark()?),
                b'2' => {
                    let top = self.top()?;
                    self.stack.push(top);
                }
                b'c' => {
                    let name = format!("{}.{}", self.line()?, self.line()?);
                    self.push(Item::Global(name));
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let (Item::Text(module), Item::Text(name)) =
                        (&self.items[module], &self.items[name])
                    else {
                        return Err(Error::Malformed("a class without a name"));
                    };
                    let name = format!("{module}.{name}");
                    self.push(Item::Global(name));
                }
                b'R' => {
                    let (args, function) = (self.pop()?, self.pop()?);
                    self.call(function, args)?;
                }
                0x81 => {
                    // A new object: a class of known data, or one that stays closed.
                    let (args, class) = (self.pop()?, self.pop()?);
                    self.object(class, args)?;
                }
                b'b' => {
                    // The state of an object, which is not needed; the object stays on the stack.
                    self.pop()?;
                    self.top()?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.push(Item::Persistent(id));
                }
                _ => return Err(Error::Malformed("a pickle with an instruction not known here")),
            }
        }
    }

    fn take(&mut self, len: usize) -> Result<&[u8], Error> {
        let (part, rest) = self.rest.split_at_checked(len).ok_or(CUT)?;
        self.rest = rest;
        Ok(part)
    }

    /// A little-endian number of one to eight bytes.
    fn number(&mut self, len: usize) -> Result<i64, Error> {
        let mut bytes = [0; 8];
        bytes[..len].copy_from_slice(self.take(len)?);
        Ok(i64::from_le_bytes(bytes))
    }

    /// A two's complement number of any length; those beyond 64 bits are kept closed.
    fn long(&mut self, len: usize) -> Result<(), Error> {
        let bytes = self.take(len)?;
        if len > 8 {
            self.push(Item::Opaque);
            return Ok(());
        }
        let fill = if bytes.last().is_some_and(|last| last & 0x80 != 0) { 0xff } else { 0 };
        let mut wide = [fill; 8];
        wide[..len].copy_from_slice(bytes);
        self.push(Item::Int(i64::from_le_bytes(wide)));
        Ok(())
    }

    fn len(&mut self, width: usize) -> Result<usize, Error> {
        usize::try_from(self.number(width)?).map_err(|_| CUT)
    }

    fn text(&mut self, width: usize) -> Result<(), Error> {
        let len = self.len(width)?;
        let text = std::str::from_utf8(self.take(len)?);
        let text = text.map_err(|_| Error::Malformed("a text that is no UTF-8"))?.to_owned();
        self.push(Item::Text(text));
        Ok(())
    }

    fn opaque_bytes(&mut self, width: usize) -> Result<(), Error> {
        let len = self.len(width)?;
        self.take(len)?;
        self.push(Item::Bytes);
        Ok(())
    }

    fn line(&mut self) -> Result<String, Error> {
        let len = self.rest.iter().take(512).position(|x| *x == b'\n').ok_or(CUT)?;
        let line = String::from_utf8_lossy(&self.take(len + 1)?[..len]).into_owned();
        Ok(line)
    }

    fn push(&mut self, item: Item) {
        self.stack.push(self.items.len());
        self.items.push(item);
    }

    fn pop(&mut self) -> Result<Id, Error> {
        // What lies below a mark belongs to whoever set it.
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor { Err(EMPTY) } else { self.stack.pop().ok_or(EMPTY) }
    }

    fn top(&self) -> Result<Id, Error> {
        self.stack.last().copied().ok_or(EMPTY)
    }

    fn above_mark(&mut self) -> Result<Vec<Id>, Error> {
        let mark = self.marks.pop().ok_or(EMPTY)?;
        Ok(self.stack.split_off(mark))
    }

    fn extend(&mut self, more: &[Id]) -> Result<(), Error> {
        let top = self.top()?;
        match &mut self.items[top] {
            Item::List(items) => items.extend(more),
            Item::Opaque => {}
            _ => return Err(Error::Malformed("a pickle that appends to what is no list")),
        }
        Ok(())
    }

    fn set(&mut self, more: &[Id]) -> Result<(), Error> {
        let (top, more) = (self.top()?, pairs(more)?);
        match &mut self.items[top] {
            Item::Dict(items) => items.extend(more),
            Item::Opaque => {}
            _ => return Err(Error::Malformed("a pickle that sets keys of what is no mapping")),
        }
        Ok(())
    }

    fn call(&mut self, function: Id, args: Id) -> Result<(), Error> {
        let Item::Global(name) = &self.items[function] else {
            return Err(Error::Calls("an object".to_owned()));
        };
        let item = if DICTS.contains(&name.as_str()) {
            Item::Dict(Vec::new())
        } else if KNOWN.contains(&name.as_str()) {
            Item::Call(name.clone(), args)
        } else if OPAQUE.iter().any(|start| name.starts_with(start)) {
            Item::Opaque
        } else {
            return Err(Error::Calls(name.chars().take(120).collect()));
        };
        self.push(item);
        Ok(())
    }

    fn object(&mut self, class: Id, args: Id) -> Result<(), Error> {
        let Item::Global(name) = &self.items[class] else {
            return Err(Error::Calls("an object".to_owned()));
        };
        let item = if DICTS.contains(&name.as_str()) {
            Item::Dict(Vec::new())
        } else if KNOWN.contains(&name.as_str()) {
            Item::Call(name.clone(), args)
        } else {
            // Making an object without calling anything is harmless even in Python.
            Item::Opaque
        };
        self.push(item);
        Ok(())
    }
}

fn pairs(items: &[Id]) -> Result<Vec<[Id; 2]>, Error> {
    let (pairs, rest) = items.as_chunks();
    if rest.is_empty() { Ok(pairs.to_vec()) } else { Err(Error::Malformed("a key without value")) }
}
