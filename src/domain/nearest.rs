//! The word that was probably meant.

/// The known word nearest to what was written, when it is near enough to be meant.
pub fn nearest<'a>(written: &str, known: &[&'a str], within: usize) -> Option<&'a str> {
    known
        .iter()
        .map(|k| (distance(written, k), *k))
        .filter(|(d, _)| *d <= within)
        .min()
        .map(|(_, k)| k)
}

/// Levenshtein's distance: letters to add, drop or change.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_two_letters_is_near() {
        assert_eq!(distance("widnow", "window"), 2);
        assert_eq!(distance("", "rate"), 4);
        assert_eq!(nearest("lnks", &["links", "rate"], 2), Some("links"));
        assert_eq!(nearest("node", &["links", "rate"], 2), None);
    }
}
