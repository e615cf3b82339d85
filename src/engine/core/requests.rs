//! Which messages of a claim travel in one request. A pure function of the claim, so that a request
//! that has to be said again, also after a crash, is the same to the letter.

use std::collections::{HashMap, HashSet};

use crate::domain::phone::Phone;

/// Groups messages (number and text, in the order of the claim) into requests of at most `batch`
/// numbers: the same text together, a number once in each. Gives the places of each request's messages.
pub(super) fn requests(messages: &[(Phone, &str)], batch: usize) -> Vec<Vec<usize>> {
    let batch = batch.max(1);
    let mut all: Vec<(Vec<usize>, HashSet<Phone>)> = Vec::new();
    // The request that takes this text now.
    let mut filling: HashMap<&str, usize> = HashMap::new();
    for (place, (phone, text)) in messages.iter().enumerate() {
        let open = filling
            .get(text)
            .copied()
            .filter(|at| all[*at].0.len() < batch && !all[*at].1.contains(phone));
        let at = open.unwrap_or_else(|| {
            all.push((Vec::new(), HashSet::new()));
            filling.insert(text, all.len() - 1);
            all.len() - 1
        });
        all[at].0.push(place);
        all[at].1.insert(*phone);
    }
    all.into_iter().map(|(places, _)| places).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(n: u64) -> Phone {
        Phone::from_number(13_800_000_000 + n).expect("a mobile number")
    }

    #[test]
    fn the_same_text_travels_together_up_to_the_batch() {
        let messages: Vec<_> = (0..5).map(|n| (phone(n), "汛期安全")).collect();
        assert_eq!(requests(&messages, 2), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(requests(&messages, 1).len(), 5);
    }

    #[test]
    fn another_text_is_another_request() {
        let messages = [(phone(0), "甲"), (phone(1), "乙"), (phone(2), "甲")];
        assert_eq!(requests(&messages, 9), [vec![0, 2], vec![1]]);
    }

    #[test]
    fn a_number_stands_once_in_a_request() {
        let messages = [(phone(0), "甲"), (phone(0), "甲"), (phone(1), "甲")];
        assert_eq!(requests(&messages, 9), [vec![0], vec![1, 2]]);
    }
}
