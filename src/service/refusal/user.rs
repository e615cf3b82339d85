//! What is refused about users.

use crate::domain::refusal::refusals;

refusals! {
    /// What is refused about users.
    pub enum UserRefusal {
        /// The user has been disabled.
        /// Ask an administrator.
        Disabled { user: String } = Refused "user_disabled"
            zh "用户 {user} 已停用。请联系管理员。"
            en "user {user} is disabled: ask an administrator";
        /// There is no such user, or the password is another one; it is not said which.
        /// Check both and try again.
        WrongPassword { user: String } = Refused "wrong_password"
            zh "用户名或密码不对（{user}）。请核对后重试。"
            en "{user}: wrong user name or password; check both and try again";
        /// The name cannot be a user's.
        /// Write 1 to 32 letters, digits, `.`, `-` or `_`.
        BadName { user: String } = Usage "bad_user_name"
            zh "{user:?} 不能作用户名：请用 1 到 32 个文字、数字或 . - _"
            en "{user:?} cannot be a user's name: write 1 to 32 letters, digits, '.', '-' or '_'";
        /// There are users already, and whoever asked is no administrator.
        /// Add `--as ADMIN`.
        AdminNeeded = Refused "administrator_needed"
            zh "已有用户：新增用户要由管理员来做。请加 --as 管理员用户名。"
            en "there are users already: a new one needs an administrator. Add --as ADMIN";
        /// There is a user of this name.
        /// Choose another name, or set a password with `user passwd`.
        Exists { user: String } = Refused "user_exists"
            zh "用户 {user} 已存在。改密码用 watchbell user passwd {user}。"
            en "user {user} exists already; `watchbell user passwd {user}` sets a password";
        /// Nobody disables themselves: no administrator might be left.
        /// Ask another administrator.
        OwnAccount = Refused "own_account"
            zh "不能停用自己，否则可能没有管理员了。请由另一位管理员来做。"
            en "nobody disables themselves, or no administrator may be left: ask another one";
        /// No user has this name.
        /// `user list` lists them.
        Unknown { user: String } = Usage "unknown_user"
            zh "没有用户 {user}。watchbell user list 列出所有用户。"
            en "no user {user}; `watchbell user list` lists them";
        /// A carrier's staff need a carrier.
        /// Add `--carrier`.
        CarrierMissing = Usage "carrier_missing"
            zh "运营商人员请写明属于哪家：--carrier mobile、unicom、telecom 或 broadnet"
            en "say whose staff: --carrier mobile, unicom, telecom or broadnet";
        /// `--carrier` was given for somebody who is not a carrier's.
        /// Leave it out, or write `--role carrier`.
        CarrierNotFor = Usage "carrier_not_for_role"
            zh "--carrier 只用于运营商人员（--role carrier）"
            en "--carrier is for --role carrier only";
    }
}
