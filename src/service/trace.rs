//! Reading a gateway's trace.

use std::path::Path;

use super::{Messages, Result, check_reason, refusal::GatewayRefusal};
use crate::{
    config::Secret,
    domain::{
        bilingual::Bilingual,
        event::Event,
        role::{Act, Actor},
    },
    gateway::trace::read,
};

pub use crate::gateway::trace::{End, Numbers, TraceError, TraceLine};

impl Messages<'_> {
    /// Hands over a trace line by line. With numbers only to who may see them, by a reason that stands in the
    /// ledger before the first line is shown.
    pub async fn trace(
        self,
        actor: &Actor,
        path: &Path,
        key: &Secret,
        numbers: Numbers,
        reason: &str,
        line: impl FnMut(&TraceLine),
    ) -> Result<End> {
        actor.may(Act::ReadLog)?;
        if numbers == Numbers::Shown {
            actor.may(Act::Unmask)?;
            let reason = check_reason(reason)?;
            let seen = Event::Seen {
                by: actor.label(),
                what: "trace".to_owned(),
                reason: reason.to_owned(),
            };
            self.office.act("read_trace").await?.commit(&[seen]).await?;
        }
        read(path, key, line).map_err(|error| {
            let zh = match &error {
                TraceError::WrongKey => {
                    "密钥不对，或文件被改动过：请用写入时的 trace_key".to_owned()
                }
                TraceError::NotATrace => {
                    "不是跟踪文件：请给出 trace_dir 里的 .trace 文件".to_owned()
                }
                TraceError::Broken(n) => format!("第 {n} 段被改动或前面有缺失，此前的内容完好"),
                TraceError::Content => "内容由另一版本写成，读不懂".to_owned(),
                TraceError::Io(e) => format!("读取失败：{e}"),
                TraceError::Key(e) => format!("密钥不能用：{e}"),
            };
            GatewayRefusal::Trace {
                path: path.to_owned(),
                why: Bilingual {
                    zh,
                    en: error.to_string(),
                },
            }
            .into()
        })
    }
}
