//! The models that were trained here, as their files describe themselves.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use dream_core::{Category, Form};
use dream_library::Moment;
use serde_json::Value;

use crate::ingest::modified_at;
use crate::train::model_path;
use crate::{Engine, Error, Filter};

/// Longest head of a model file that is read, in bytes.
const MOST: u64 = 64 << 20;

/// A model of the stems of a category.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// What it is a model of.
    pub category: Category,
    /// One-shots or loops.
    pub form: Form,
    /// Its file.
    pub path: PathBuf,
    /// Size of its file.
    pub size_bytes: u64,
    /// When it was written.
    pub modified_at: Moment,
    /// What it says of itself: method, latent dimensions, how it was trained, how well it does.
    pub card: Value,
}

impl Engine {
    /// Every trained model; one whose file cannot be read is left out.
    pub fn trained(&self) -> Vec<Trained> {
        let forms = [Form::OneShot, Form::Loop];
        let all = Category::ALL.iter().flat_map(|c| forms.iter().map(move |f| (*c, *f)));
        all.filter_map(|(category, form)| {
            let path = model_path(self, category, form);
            let metadata = path.metadata().ok()?;
            let card = card(&path)?;
            let (size_bytes, modified_at) = (metadata.len(), modified_at(&metadata));
            Some(Trained { category, form, path, size_bytes, modified_at, card })
        })
        .collect()
    }

    /// The categories with so many stems of a form, `other` aside.
    ///
    /// # Errors
    /// Those of the library.
    pub fn worth_training(&self, form: Form, least: u32) -> Result<Vec<Category>, Error> {
        let mut found = Vec::new();
        for category in Category::ALL.iter().copied().filter(|c| *c != Category::Other) {
            let filter =
                Filter { categories: vec![category], form: Some(form), ..Filter::default() };
            if self.library().count(&filter)? >= u64::from(least) {
                found.push(category);
            }
        }
        Ok(found)
    }
}

/// What a model says of itself, from the head of its file; the long lists in it are left out.
fn card(path: &Path) -> Option<Value> {
    let mut file = File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    if length > MOST {
        return None;
    }
    let mut head = Vec::new();
    file.take(length).read_to_end(&mut head).ok()?;
    let head: Value = serde_json::from_slice(&head).ok()?;
    let mut card: Value =
        serde_json::from_str(head.get("__metadata__")?.get("kwargs")?.as_str()?).ok()?;
    let fields = card.as_object_mut()?;
    let count = fields.get("stems").and_then(Value::as_array).map_or(0, Vec::len);
    for long in ["stems", "held_out", "history", "layout"] {
        fields.remove(long);
    }
    fields.insert("examples".to_owned(), count.into());
    Some(card)
}
