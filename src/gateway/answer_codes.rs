//! What the code in a carrier's answer to a submit comes to: the protocol's table, and beside it the codes
//! that the account's settings name.

use watchbell_wire::SubmitClass;

use super::{
    Answer, CarrierMessageId,
    options::{OptionError, Options},
};

/// The account's own codes, `busy_codes` and `wrong_network_codes`.
#[derive(Debug, Clone)]
pub(super) struct AnswerCodes {
    /// Too fast, beside the table's.
    busy: Vec<u32>,
    /// Another carrier's number, instead of the table's.
    wrong_network: Vec<u32>,
}

impl AnswerCodes {
    /// Reads both keys; `class` is the protocol's table, whose codes are all of one byte.
    pub(super) fn read(
        options: &mut Options<'_>,
        class: impl Fn(u32) -> SubmitClass,
    ) -> Result<Self, OptionError> {
        let is_wrong_network = |code: &u32| class(*code) == SubmitClass::WrongNetwork;
        let table: Vec<u32> = (0..=255).filter(is_wrong_network).collect();
        Ok(Self {
            busy: options.codes("busy_codes", &[])?,
            wrong_network: options.codes("wrong_network_codes", &table)?,
        })
    }

    /// The answer that this code is; `id` is the message's, if it was accepted.
    pub(super) fn answer(
        &self,
        code: u32,
        class: SubmitClass,
        id: impl FnOnce() -> CarrierMessageId,
    ) -> Answer {
        match class {
            SubmitClass::Accepted => Answer::Accepted(id()),
            SubmitClass::Throttled => Answer::Throttled(code.to_string()),
            _ if self.busy.contains(&code) => Answer::Throttled(code.to_string()),
            _ if self.wrong_network.contains(&code) => Answer::WrongNetwork(code.to_string()),
            // No difference is made yet between these: all are refused for good.
            SubmitClass::WrongNetwork
            | SubmitClass::Passing
            | SubmitClass::Link
            | SubmitClass::Account
            | SubmitClass::Number
            | SubmitClass::Message
            | SubmitClass::Unlisted => Answer::Refused(code.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use watchbell_wire::cmpp::SubmitResult;

    use super::*;

    fn read(settings: &str) -> AnswerCodes {
        let values = toml::from_str(settings).expect("valid TOML");
        AnswerCodes::read(&mut Options::new(&values), |code| {
            SubmitResult(code).class()
        })
        .expect("lists of codes")
    }

    fn answer(codes: &AnswerCodes, code: u32) -> Answer {
        let id = || CarrierMessageId("7".to_owned());
        codes.answer(code, SubmitResult(code).class(), id)
    }

    #[test]
    fn the_table_holds_where_the_settings_are_silent() {
        let codes = read("");
        let text = |code: u32| code.to_string();
        assert_eq!(
            answer(&codes, 0),
            Answer::Accepted(CarrierMessageId("7".to_owned()))
        );
        assert_eq!(answer(&codes, 8), Answer::Throttled(text(8)));
        assert_eq!(answer(&codes, 13), Answer::WrongNetwork(text(13)));
        for code in [1, 5, 12, 14, 101, 70_000] {
            assert_eq!(answer(&codes, code), Answer::Refused(text(code)));
        }
    }

    #[test]
    fn the_settings_add_to_too_fast_and_replace_wrong_network() {
        let codes = read("busy_codes = [101]\nwrong_network_codes = [14, 8]");
        assert_eq!(answer(&codes, 101), Answer::Throttled("101".to_owned()));
        assert_eq!(answer(&codes, 14), Answer::WrongNetwork("14".to_owned()));
        assert_eq!(answer(&codes, 8), Answer::Throttled("8".to_owned()));
        assert_eq!(answer(&codes, 13), Answer::Refused("13".to_owned()));
    }
}
