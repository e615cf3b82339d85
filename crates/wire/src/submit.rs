//! What the code in the answer to a submit means for whoever sent it.

/// What a code in the answer to a submit is about, and so whether the same submit can succeed later.
///
/// Each protocol has one table, beside its codes: [`cmpp::SubmitResult::class`](crate::cmpp::SubmitResult::class),
/// [`sgip::Code::class`](crate::sgip::Code::class), [`smgp::Status::class`](crate::smgp::Status::class) and
/// `smpp::Status::class`. All but `Accepted` surely did not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubmitClass {
    /// The message is taken; the answer names its id.
    Accepted,
    /// The account is too fast: the same may go again, slower.
    Throttled,
    /// The number is another carrier's, or was ported there: the same may go through that one.
    WrongNetwork,
    /// Passing trouble at the carrier or at the phone: the same may succeed minutes or hours later.
    Passing,
    /// This connection takes no submits: the same may succeed on another one.
    Link,
    /// The account's contract, quota or settings: nothing of it is taken until people have done something,
    /// or the day is over.
    Account,
    /// The number: nothing sent to it will arrive.
    Number,
    /// The submit as it is: its layout, fields or content.
    Message,
    /// A vendor's code, or one that no table has: only configuration can say.
    Unlisted,
}
