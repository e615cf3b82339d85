//! What the command line itself refuses, before or beside any use case.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{
    config::ConfigError,
    domain::{
        bilingual::{Bilingual, Fact},
        lang::Lang,
        plan::Problem,
        refusal::refusals,
    },
};

refusals! {
    /// What the command line itself refuses.
    pub enum CliRefusal {
        /// The arguments cannot be read: an unknown option, a value that is none, something left out.
        /// `watchbell COMMAND --help` lists what there is.
        Arguments { why: String } = Usage "usage"
            zh "参数有误：{why}"
            en "{why}";
        /// The settings cannot be used. All that is wrong is said at once.
        /// Mend the keys at the places named.
        Config { problems: ConfigProblems } = Usage "config"
            zh "{problems}"
            en "{problems}";
        /// The command, or this part of it, is not built yet.
        /// `watchbell --help` lists what is.
        NotBuilt { command: &'static str } = Usage "not_built"
            zh "watchbell {command} 尚未实现 (not built yet)。可用的命令见 watchbell --help。"
            en "watchbell {command}: not built yet. `watchbell --help` lists what is.";
        /// The variable that says what is to be logged cannot be read.
        /// Write it like `WATCHBELL_LOG=info`.
        LogFilter { why: String } = Usage "bad_log_filter"
            zh "日志设置有误：{why}"
            en "{why}";
        /// The two passwords typed in differ.
        /// Try again.
        PasswordsDiffer = Usage "passwords_differ"
            zh "两次输入的密码不同，请重来。"
            en "the two passwords differ; try again";
        /// There is no terminal to ask for a password.
        /// Set the environment variable named.
        NoTerminal { variable: &'static str } = Usage "no_terminal"
            zh "没有终端可以输入密码，请设置环境变量 {variable}。"
            en "there is no terminal to ask for the password; set the environment variable {variable}";
        /// A file of text is not UTF-8.
        /// Save it as UTF-8.
        NotUtf8 = Usage "not_utf8"
            zh "文件不是 UTF-8 编码"
            en "the file is not UTF-8";
        /// `--as-of` is no time.
        /// Write it like 2023-06-05T11:00.
        AsOf = Usage "bad_as_of"
            zh "--as-of 请写成 2023-06-05T11:00"
            en "write --as-of like 2023-06-05T11:00";
        /// Neither a piece of evidence to add nor one to get is named.
        /// Write `--add FILE`, or `--get N --out FILE`.
        EvidenceWhat = Usage "evidence_what"
            zh "请写 --add 文件，或 --get 编号 --out 文件"
            en "write --add FILE, or --get N --out FILE";
        /// The plan has no drafts to submit.
        /// Import it with `plan import`.
        NoDrafts { plan: String } = Refused "no_drafts"
            zh "计划“{plan}”没有待提交的草稿：先用 watchbell plan import 导入"
            en "plan {plan:?} has no drafts to submit: import it with `watchbell plan import`";
        /// There are not as many check codes as campaigns.
        /// Give `--check` once for each, in their order.
        CheckCount = Usage "check_codes_and_ids_differ"
            zh "校验码和任务的数目不同：请按任务的顺序逐个写 --check"
            en "there are not as many check codes as campaigns: give --check once for each, in their order";
        /// The act needs a reason.
        /// Add `--reason TEXT`.
        ReasonMissing = Usage "reason_missing"
            zh "请写明理由：--reason TEXT"
            en "say why: --reason TEXT";
        /// `--bom` was given for another format than CSV.
        /// Leave it out, or write `--format csv`.
        BomNotFor = Usage "bom_not_for_format"
            zh "--bom 只用于 --format csv"
            en "--bom goes with --format csv only";
        /// The simulator cannot listen on this address.
        /// Choose another address or port with `--listen`.
        CannotListen { address: String, why: String } = Usage "simulator_cannot_listen"
            zh "不能监听 {address}：{why}；请用 --listen 换一个地址或端口"
            en "cannot listen on {address}: {why}; choose another address or port with --listen";
        /// The file's name does not end as one of the formats that can be written.
        /// Choose a name that ends so.
        OutName { formats: Vec<&'static str> } = Usage "bad_out_name"
            zh "--out 的文件名请以下列之一结尾：{formats}"
            en "the name of --out has to end with one of: {formats}";
        /// The plan cannot be read.
        /// Check the path; save it as UTF-8.
        PlanUnreadable { path: PathBuf, why: String } = Usage "plan_unreadable"
            zh "读不了计划文件 {path}：{why}"
            en "cannot read the plan {path}: {why}";
        /// Something in the plan is wrong. All of it is said at once.
        /// Mend the lines named.
        PlanWrong { problems: PlanProblems } = Refused "plan_has_problems"
            zh "{problems}"
            en "{problems}";
        /// The calendar named in the settings cannot be used.
        /// What the sentence says.
        Calendar { why: Bilingual } = Usage "calendar_unusable"
            zh "{why}"
            en "{why}";
        /// A file of this name is there and is not written over.
        /// Choose another name.
        FileExists { path: PathBuf } = Refused "file_exists"
            zh "{path} 已经有了，不会覆盖：请换一个文件名"
            en "{path} is there already and is not written over: choose another name";
        /// The environment variable that `--key` names is not set or empty.
        /// Set it.
        KeyVariable { variable: String } = Usage "key_variable_not_set"
            zh "环境变量 {variable} 没有设置或是空的"
            en "the environment variable {variable} is not set or empty";
        /// The key itself stands on the command line, where everybody on the machine sees it.
        /// Write `--key env:NAME` or `--key file:PATH`.
        KeyInTheOpen = Usage "key_in_the_open"
            zh "--key 请写 env:变量名 或 file:路径，命令行参数人人可见"
            en "write --key as env:NAME or file:PATH: everybody on this machine sees a command's arguments";
        /// The file that `--key` names cannot be read.
        /// Check its name and rights.
        KeyFile { path: String, why: String } = Usage "key_file_unreadable"
            zh "读不了 {path}：{why}"
            en "cannot read {path}: {why}";
        /// The acceptance's protocol cannot be written.
        /// Please report it: it is a fault of the program.
        Record { why: String } = Refused "protocol_cannot_be_written"
            zh "记录无法生成：{why}"
            en "cannot write the protocol: {why}";
        /// The time after which nothing may go out cannot be read.
        /// Write it like 2023-06-05T11:00.
        NotAfter { text: String, why: String } = Usage "bad_not_after"
            zh "--not-after {text}：{why}"
            en "--not-after {text}: {why}";
        /// The benchmark could not be run.
        /// What the sentence says.
        Bench { why: String } = Refused "bench_failed"
            zh "没有测成：{why}"
            en "{why}";
        /// A character of the PDU is no hexadecimal digit.
        /// Give its bytes as hexadecimal digits.
        NotHex { found: char } = Usage "not_hexadecimal"
            zh "{found:?} 不是十六进制数字"
            en "{found:?} is no hexadecimal digit";
        /// Half a byte of the PDU is missing.
        /// Give whole bytes.
        HalfByte = Refused "half_a_byte"
            zh "十六进制数字的个数是单数：少了半个字节"
            en "an odd number of hexadecimal digits: half a byte is missing";
        /// The protocol has no PDUs.
        /// Write one of the binary protocols.
        NoPdus = Usage "protocol_without_pdus"
            zh "http 没有 PDU：请写 cmpp20、cmpp30、sgip12、smgp30 或 smpp34"
            en "http has no PDUs: write cmpp20, cmpp30, sgip12, smgp30 or smpp34";
        /// The bytes are not one whole, valid PDU.
        /// What the sentence says.
        Pdu { why: Bilingual } = Refused "bad_pdu"
            zh "{why}"
            en "{why}";
    }
}

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigProblems {
    text: Bilingual,
    list: Vec<(String, String, Bilingual)>,
}

impl From<&ConfigError> for ConfigProblems {
    fn from(error: &ConfigError) -> Self {
        let list = match error {
            ConfigError::Read { path, source } => {
                let place = path.display().to_string();
                vec![(place, String::new(), Bilingual::same(source.to_string()))]
            }
            ConfigError::Syntax {
                path,
                line,
                message,
                ..
            } => {
                let place = format!("{}:{line}", path.display());
                vec![(place, String::new(), Bilingual::same(message.clone()))]
            }
            ConfigError::Invalid(problems) => problems
                .iter()
                .map(|p| (p.place.clone(), p.key.clone(), p.what.clone()))
                .collect(),
        };
        Self {
            text: Bilingual::of(|lang| error.text(lang)),
            list,
        }
    }
}

impl Fact for ConfigProblems {
    fn text(&self, lang: Lang) -> String {
        self.text.text(lang).to_owned()
    }

    fn json(&self, lang: Lang) -> Value {
        let problem = |(place, key, what): &(String, String, Bilingual)| json!({ "place": place, "key": key, "message": what.text(lang) });
        self.list.iter().map(problem).collect()
    }
}

/// All that is wrong in a plan, with the file's name.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanProblems(pub String, pub Vec<Problem>);

impl Fact for PlanProblems {
    fn text(&self, lang: Lang) -> String {
        let lines: Vec<_> = self.1.iter().map(|p| p.text(&self.0, lang)).collect();
        lines.join("\n")
    }

    fn json(&self, lang: Lang) -> Value {
        let problem =
            |p: &Problem| json!({ "line": p.line, "key": p.key, "message": p.what(lang) });
        self.1.iter().map(problem).collect()
    }
}
