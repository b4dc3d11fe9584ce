//! The licence of what is made of several works.

/// Licences from the most to the least permissive, by the start of their SPDX names in lower case.
const ORDER: &[&[&str]] = &[
    &["cc0", "public", "unlicense", "0bsd", "pddl"],
    &["mit", "bsd", "apache", "isc", "zlib", "royalty-free"],
    &["cc-by-4", "cc-by-3", "cc-by-2", "cc-by-1"],
    &["odc-by", "art", "mpl"],
    &["cc-by-sa", "lgpl"],
    &["gpl", "agpl", "odbl"],
    &["cc-by-nc"],
    &["cc-by-nd"],
];

/// The strictest of some licences; `None`, an unknown one, is stricter than all. Different ones that are equally strict are
/// joined: the work keeps to both.
pub(crate) fn strictest<'a>(licences: impl IntoIterator<Item = Option<&'a str>>) -> Option<String> {
    let mut all: Vec<&str> = licences.into_iter().collect::<Option<_>>()?;
    all.sort_unstable();
    all.dedup();
    let top = all.iter().map(|licence| rank(licence)).max()?;
    let names: Vec<&str> = all.into_iter().filter(|licence| rank(licence) == top).collect();
    Some(names.join(" AND "))
}

/// How strict a licence is; one that is not known by name is stricter than those that are.
fn rank(licence: &str) -> usize {
    let name = licence.to_lowercase();
    ORDER
        .iter()
        .position(|names| names.iter().any(|known| name.starts_with(known)))
        .unwrap_or(ORDER.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(licences: &[Option<&str>], expected: Option<&str>) {
        assert_eq!(strictest(licences.iter().copied()).as_deref(), expected);
    }

    #[test]
    fn the_strictest_licence_is_inherited() {
        check(&[Some("CC0-1.0"), Some("CC-BY-4.0")], Some("CC-BY-4.0"));
        check(&[Some("CC-BY-SA-4.0"), Some("CC-BY-4.0"), Some("CC0-1.0")], Some("CC-BY-SA-4.0"));
        check(&[Some("GPL-2.0-or-later"), Some("GPL-2.0-or-later")], Some("GPL-2.0-or-later"));
        check(&[Some("CC-BY-NC-4.0"), Some("GPL-3.0-only")], Some("CC-BY-NC-4.0"));
        check(&[Some("MIT"), Some("BSD-3-Clause")], Some("BSD-3-Clause AND MIT"));
        check(&[Some("CC0-1.0"), Some("Shop Licence 7")], Some("Shop Licence 7"));
        check(&[Some("CC0-1.0"), None], None);
        check(&[], None);
    }
}
