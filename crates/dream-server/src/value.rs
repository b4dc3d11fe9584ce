//! Values of requests: each with its limits, which are checked when it is read and stand in the documentation.
//!
//! Whole numbers may be written as `10.0`, which JSON Schema counts among them.

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{self, Deserializer, Visitor};

/// Reads a whole number in a range.
pub(crate) fn read_whole<'de, D: Deserializer<'de>>(
    from: D,
    range: RangeInclusive<i64>,
) -> Result<i64, D::Error> {
    struct Whole(RangeInclusive<i64>);
    impl Visitor<'_> for Whole {
        type Value = i64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a whole number from {} to {}", self.0.start(), self.0.end())
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<i64, E> {
            if self.0.contains(&value) {
                return Ok(value);
            }
            Err(E::invalid_value(de::Unexpected::Signed(value), &self))
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<i64, E> {
            match i64::try_from(value) {
                Ok(value) => self.visit_i64(value),
                Err(_) => Err(E::invalid_value(de::Unexpected::Unsigned(value), &self)),
            }
        }

        fn visit_f64<E: de::Error>(self, value: f64) -> Result<i64, E> {
            // Beyond 2^53 floats have no last digit, and no range here goes so far.
            if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
                return self.visit_i64(value as i64);
            }
            Err(E::invalid_value(de::Unexpected::Float(value), &self))
        }
    }
    from.deserialize_f64(Whole(range))
}

/// Reads a finite number in a range.
pub(crate) fn read_number<'de, D: Deserializer<'de>>(
    from: D,
    range: RangeInclusive<f64>,
) -> Result<f64, D::Error> {
    struct Number(RangeInclusive<f64>);
    impl Visitor<'_> for Number {
        type Value = f64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a number from {} to {}", self.0.start(), self.0.end())
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<f64, E> {
            self.visit_f64(value as f64)
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<f64, E> {
            self.visit_f64(value as f64)
        }

        fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
            if self.0.contains(&value) {
                return Ok(value);
            }
            Err(E::invalid_value(de::Unexpected::Float(value), &self))
        }
    }
    from.deserialize_f64(Number(range))
}

/// Reads a text of so many characters that `accept` takes.
pub(crate) fn text<'de, T, D: Deserializer<'de>>(
    from: D,
    expected: &'static str,
    accept: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct Text<F>(&'static str, F);
    impl<T, F: FnOnce(&str) -> Option<T>> Visitor<'_> for Text<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<T, E> {
            let expected = self.0;
            // The value itself is not told back: it may be long, or a secret in the wrong place.
            (self.1)(value).ok_or_else(|| E::custom(format!("must be {expected}")))
        }
    }
    from.deserialize_str(Text(expected, accept))
}

/// A whole number in a range, as a type.
macro_rules! whole {
    ($(#[$doc:meta])* $name:ident, $min:literal ..= $max:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) i64);

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                crate::value::read_whole(from, $min..=$max).map(Self)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let (min, max): (i64, i64) = ($min, $max);
                crate::value::object(utoipa::openapi::Type::Integer)
                    .minimum(Some(min as f64))
                    .maximum(Some(max as f64))
                    .examples([serde_json::json!($example)])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

/// A number in a range, as a type.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $min:literal ..= $max:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub(crate) struct $name(pub(crate) f64);

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                crate::value::read_number(from, $min..=$max).map(Self)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::value::object(utoipa::openapi::Type::Number)
                    .minimum(Some($min))
                    .maximum(Some($max))
                    .examples([serde_json::json!($example)])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

/// A text of limited length with a character that is not a space and no NUL, as a type.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $max:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) String);

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let expected = concat!("a text of 1 to ", $max, " characters, not blank, without control characters");
                crate::value::text(from, expected, |text| {
                    crate::value::is_plain(text, $max).then(|| Self(text.to_owned()))
                })
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::value::object(utoipa::openapi::Type::String)
                    .min_length(Some(1))
                    .max_length(Some($max))
                    .pattern(Some(crate::value::PLAIN))
                    .examples([serde_json::json!($example)])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

pub(crate) use {number, whole, words};

/// A schema of that type.
pub(crate) fn object(kind: utoipa::openapi::Type) -> utoipa::openapi::schema::ObjectBuilder {
    utoipa::openapi::schema::ObjectBuilder::new().schema_type(kind)
}

/// What [`is_plain`] takes, as a pattern: begins with a character that is seen, and has no control characters.
pub(crate) const PLAIN: &str = r"^[^\x00-\x20\x7f-\xa0\xad\u0600-\u0605\u061c\u06dd\u070f\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff][^\x00-\x1f\x7f-\x9f]*$";

/// Whether a text has 1 to `most` characters, begins with one that is seen, and has no control characters.
pub(crate) fn is_plain(text: &str, most: usize) -> bool {
    text.chars().count() <= most
        && text.chars().next().is_some_and(|c| !c.is_whitespace() && !is_hidden(c))
        && !text.chars().any(char::is_control)
}

/// Whether a character has no width: these begin no name.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, from_value, json};

    whole!(Count, 1..=1_000, 10);
    number!(Tempo, 20.0..=400.0, 138.0);
    words!(Name, 5, "kick");

    #[test]
    fn whole_numbers_may_have_a_fraction_of_zero() {
        for good in ["1", "1.0", "1e3", "1000"] {
            assert!(from_str::<Count>(good).is_ok(), "{good}");
        }
        for bad in ["0", "1001", "1.5", "\"1\"", "null", "true", "18446744073709551615", "1e300"] {
            assert!(from_str::<Count>(bad).is_err(), "{bad}");
        }
        let said = from_str::<Count>("0").unwrap_err().to_string();
        assert!(said.contains("a whole number from 1 to 1000"), "{said}");
    }

    #[test]
    fn numbers_and_texts_have_limits() {
        assert_eq!(from_value::<Tempo>(json!(138)).unwrap(), Tempo(138.0));
        assert!(from_value::<Tempo>(json!(19.99)).is_err());
        for (text, good) in [
            ("kick", true),
            ("12345", true),
            ("123456", false),
            ("", false),
            (" a", false),
            ("a\0", false),
        ] {
            assert_eq!(from_value::<Name>(json!(text)).is_ok(), good, "{text:?}");
        }
        let said = from_value::<Name>(json!("secret key")).unwrap_err().to_string();
        assert!(!said.contains("secret"), "{said}");
    }
}
