//! What is refused about work orders.

use crate::domain::{bilingual::Bilingual, refusal::refusals};

refusals! {
    /// What is refused about work orders.
    pub enum OrderRefusal {
        /// The order's last day has passed.
        /// Change the plan and import it again.
        LastDayPassed = Refused "work_order_too_late"
            zh "委托的发送日期已经过去：请改计划后重新导入"
            en "the order's last day has passed: change the plan and import it again";
        /// Sending is stopped, or the database is held: no carrier is told to send either.
        /// A person lets it go with `release --reason TEXT`.
        Stopped = Refused "sending_is_stopped"
            zh "发送已停止或数据库被挂起：请先用 watchbell release 放行"
            en "sending is stopped or the database is held: `watchbell release` lets it go on";
        /// The user is not of role `carrier`.
        /// Name one of the carrier's staff.
        NotStaff { user: String } = Refused "not_carrier_staff"
            zh "{user} 不是运营商人员"
            en "{user} is not carrier's staff";
        /// Nobody has approved the order yet.
        /// `work-order approve` first.
        NotApproved = Refused "work_order_not_approved"
            zh "委托单还没有批准，不能出函"
            en "the order has not been approved: there is no letter yet";
        /// The letter cannot be written.
        /// Please report it: it is a fault of the program.
        Letter { why: String } = Refused "letter_cannot_be_written"
            zh "函件无法生成：{why}"
            en "cannot write the letter: {why}";
        /// The file is not the form that went with the order, or some of its cells are wrong; nothing was taken.
        /// Mend the cells named.
        Form { why: Bilingual } = Refused "form_is_wrong"
            zh "{why}"
            en "{why}";
        /// No order has the number that stands in the form.
        /// Check cell B2.
        UnknownNumber { number: String } = Refused "unknown_order_number"
            zh "没有编号为“{number}”的委托单（B2）"
            en "there is no work order {number:?} (cell B2)";
        /// The form bears the check code of another text.
        /// Use the form that went with the order as it is now.
        FormOfOther { check_code: String, number: String } = Refused "form_of_another_text"
            zh "校验码 {check_code}（B3）不是委托单 {number} 的：表和单不是一套"
            en "check code {check_code} (cell B3) is not that of {number}: the form belongs to another text";
        /// The form is of an earlier round of proofs.
        /// Use the new form.
        FormOutdated { form: i64, order: i64 } = Refused "form_outdated"
            zh "这是第 {form} 稿的回执表（B4），现在是第 {order} 稿：请用新表"
            en "the form is of revision {form} (cell B4), the order is at {order}: use the new form";
        /// A proof is longer than any message.
        /// Give what the phone showed, nothing else.
        ProofTooLong { longest: usize } = Refused "proof_too_long"
            zh "回读内容超过 {longest} 字，不是一条短信"
            en "a proof of more than {longest} characters is no message";
        /// The seed phone is no phone number.
        /// Write its 11 digits.
        SeedPhone = Usage "bad_seed_phone"
            zh "测试手机号码有误：应为 11 位手机号"
            en "the seed phone is no phone number: write 11 digits";
        /// The evidence is empty or too large.
        /// Split or scan it smaller.
        EvidenceSize { largest: usize } = Refused "evidence_size"
            zh "凭证应为 1 到 {largest} 字节"
            en "a piece of evidence has 1 to {largest} bytes";
    }
}
