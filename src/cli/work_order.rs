//! `watchbell work-order`: what carriers are asked to send to their own subscribers.

mod show;

use std::path::{Path, PathBuf};

use chrono::{NaiveDateTime, TimeZone as _};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{CliError, Ctx, Exit, refusal::CliRefusal};
use crate::{
    domain::{check_code::CheckCode, id::OrderId, role::Actor, time::Micros},
    service::{
        Office, ServiceError,
        work_order::{Answer, Figures, OrderView, Piece, Proof, Taken},
    },
};

/// `watchbell work-order …`; an order is named by its id, or by its number once it is issued.
#[derive(Debug, Subcommand)]
pub enum WorkOrderCommand {
    /// 列出；--overdue 只列逾期的（催办清单） · list them; only those that are late
    List {
        /// 只列逾期的 · the escalation list
        #[arg(long)]
        overdue: bool,
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 查看一份，含回读比对、数量和疑点 · show one: proofs compared, figures, contradictions
    Show {
        /// 委托编号 · the work order's number or id
        order: String,
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 批准（不能批准自己起草的） · approve it; never your own
    Approve {
        /// 委托编号 · the work order's number or id
        order: String,
        /// 看到的校验码（开头几位即可） · the check code that was shown, or its beginning
        #[arg(long, value_name = "CODE")]
        check: Option<CheckCode>,
    },
    /// 编号下达；有接口的由守护进程送达，没有的出函 · number it and hand it to the carrier
    Issue {
        /// 委托编号 · the work order's number or id
        order: String,
    },
    /// 记运营商受理或不受理 · the carrier will do it, or will not
    Answer {
        /// 委托编号 · the work order's number or id
        order: String,
        /// 不受理的原因 · it will not, for this reason
        #[arg(long, value_name = "TEXT")]
        refuse: Option<String>,
    },
    /// 记测试手机收到的全文，逐字比对 · what arrived on a seed phone, compared to the character
    Proof(ProofArgs),
    /// 更正：重发文本，重新回读 · send the text again; a new round of proofs begins
    Correct(WithReason),
    /// 放行：回读一致后方可 · let the carrier send; only after an equal read-back
    Release {
        /// 委托编号 · the work order's number or id
        order: String,
    },
    /// 记运营商报来的数量 · figures as the carrier declares them
    Counts(CountsArgs),
    /// 收取凭证文件，或取出已收的 · take evidence in, or get it out
    Evidence(EvidenceArgs),
    /// 验收数量和凭证 · take figures and evidence as they are
    Accept {
        /// 委托编号 · the work order's number or id
        order: String,
    },
    /// 办结 · file it
    Close {
        /// 委托编号 · the work order's number or id
        order: String,
    },
    /// 撤回 · call it off
    Withdraw(WithReason),
    /// 导出函件（HTML）和回执表（XLSX） · the letter and the form, into a folder
    Export {
        /// 委托编号 · the work order's number or id
        order: String,
        /// 写到哪个目录 · the folder
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// 导入填好的回执表 · read the filled-in form back
    ImportForm {
        /// 回执表 · the form
        file: PathBuf,
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// An order and why.
#[derive(Debug, Args)]
pub struct WithReason {
    /// 委托编号 · the work order's number or id
    pub order: String,
    /// 理由 · why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// `watchbell work-order proof`
#[derive(Debug, Args)]
pub struct ProofArgs {
    /// 委托编号 · the work order's number or id
    pub order: String,
    /// 哪部测试手机 · which seed phone
    #[arg(long, value_name = "NUMBER", default_value = "")]
    pub phone: String,
    /// 收到的全文 · what it shows
    #[arg(long, conflicts_with = "file", required_unless_present = "file")]
    pub text: Option<String>,
    /// 收到的全文所在的文件（UTF-8） · a file with it
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `watchbell work-order counts`
#[derive(Debug, Args)]
pub struct CountsArgs {
    /// 委托编号 · the work order's number or id
    pub order: String,
    /// 截至何时，如 2023-06-05T11:00 · as of when, on the office's clock
    #[arg(long, value_name = "TIME")]
    pub as_of: String,
    /// 应发 · how many were to get it
    #[arg(long, value_name = "N")]
    pub requested: Option<i64>,
    /// 已发 · how many were sent to
    #[arg(long, value_name = "N")]
    pub sent: Option<i64>,
    /// 送达 · how many got it
    #[arg(long, value_name = "N")]
    pub delivered: Option<i64>,
    /// 这是最终数量 · these are the last
    #[arg(long = "final")]
    pub last: bool,
}

/// `watchbell work-order evidence`
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// 委托编号 · the work order's number or id
    pub order: String,
    /// 收取这个文件 · take this file in
    #[arg(long, value_name = "FILE", conflicts_with = "get")]
    pub add: Option<PathBuf>,
    /// 取出第几号凭证 · get this one out
    #[arg(long, value_name = "N", requires = "out")]
    pub get: Option<i64>,
    /// 写到哪个文件 · the file to write
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Does it.
pub async fn run(command: WorkOrderCommand, ctx: &Ctx) -> Result<Exit, CliError> {
    let office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    let done = Desk {
        office: &office,
        actor: &actor,
        ctx,
    }
    .run(command)
    .await;
    office.store.close().await;
    done
}

struct Desk<'a> {
    office: &'a Office,
    actor: &'a Actor,
    ctx: &'a Ctx,
}

impl Desk<'_> {
    async fn run(&self, command: WorkOrderCommand) -> Result<Exit, CliError> {
        use WorkOrderCommand as C;
        let (office, actor) = (self.office, self.actor);
        let view = match command {
            C::List { overdue, json } => {
                let mut orders = office.work_orders().list(actor).await?;
                orders.retain(|o| !overdue || o.line.overdue.is_some());
                show::list(&orders, json, self.ctx)?;
                return Ok(Exit::Done);
            }
            C::Show { order, json } => {
                let view = office
                    .work_orders()
                    .get(actor, self.find(&order).await?)
                    .await?;
                show::one(&view, json, self.ctx)?;
                return Ok(Exit::Done);
            }
            C::Approve { order, check } => {
                let id = self.find(&order).await?;
                let seen = match check {
                    Some(shown) => shown,
                    None => office.work_orders().get(actor, id).await?.line.check_code,
                };
                office.work_orders().approve(actor, id, &seen).await?
            }
            C::Issue { order } => {
                office
                    .work_orders()
                    .issue(actor, self.find(&order).await?)
                    .await?
            }
            C::Answer { order, refuse } => {
                let answer = Answer {
                    acknowledged: refuse.is_none(),
                    refused: refuse,
                    ..Answer::default()
                };
                self.answer(&order, answer).await?.1
            }
            C::Proof(args) => return self.proof(args).await,
            C::Correct(w) => {
                let id = self.find(&w.order).await?;
                office.work_orders().correct(actor, id, &w.reason).await?
            }
            C::Release { order } => {
                office
                    .work_orders()
                    .release(actor, self.find(&order).await?)
                    .await?
            }
            C::Counts(args) => return self.counts(args).await,
            C::Evidence(args) => return self.evidence(args).await,
            C::Accept { order } => {
                office
                    .work_orders()
                    .accept(actor, self.find(&order).await?)
                    .await?
            }
            C::Close { order } => {
                office
                    .work_orders()
                    .close(actor, self.find(&order).await?)
                    .await?
            }
            C::Withdraw(w) => {
                let id = self.find(&w.order).await?;
                office.work_orders().withdraw(actor, id, &w.reason).await?
            }
            C::Export { order, out } => return self.export(&order, &out).await,
            C::ImportForm { file, json } => return self.import_form(&file, json).await,
        };
        show::line(&view, self.ctx)?;
        Ok(Exit::Done)
    }

    fn zone(&self) -> chrono_tz::Tz {
        self.office.config.sending.timezone
    }

    async fn find(&self, which: &str) -> Result<OrderId, CliError> {
        Ok(self.office.work_orders().find(self.actor, which).await?)
    }

    async fn answer(&self, order: &str, answer: Answer) -> Result<(Taken, OrderView), CliError> {
        let id = self.find(order).await?;
        let taken = self
            .office
            .work_orders()
            .answer(self.actor, id, &answer)
            .await?;
        Ok((taken, self.office.work_orders().get(self.actor, id).await?))
    }

    /// Exit 1 when it is not the approved text.
    async fn proof(&self, args: ProofArgs) -> Result<Exit, CliError> {
        let text = match (args.text, args.file) {
            (Some(text), _) => text,
            (None, Some(file)) => {
                let text = read(&file)?;
                let text = String::from_utf8(text).map_err(|_| CliRefusal::NotUtf8)?;
                // An editor ends a file with a line feed that no phone has shown.
                let text = text.strip_suffix('\n').unwrap_or(&text);
                text.strip_suffix('\r').unwrap_or(text).to_owned()
            }
            (None, None) => String::new(),
        };
        let proof = Proof {
            theirs: None,
            revision: 0,
            phone: args.phone,
            text,
        };
        let answer = Answer {
            proofs: vec![proof],
            ..Answer::default()
        };
        let (taken, view) = self.answer(&args.order, answer).await?;
        show::proofs(&view, self.ctx)?;
        show::line(&view, self.ctx)?;
        Ok(Exit::of(taken.differing == 0))
    }

    async fn counts(&self, args: CountsArgs) -> Result<Exit, CliError> {
        let as_of = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"]
            .iter()
            .find_map(|f| NaiveDateTime::parse_from_str(&args.as_of, f).ok())
            .and_then(|t| self.zone().from_local_datetime(&t).earliest())
            .map(Micros::from);
        let Some(as_of) = as_of else {
            return Err(CliRefusal::AsOf.into());
        };
        let figures = Figures {
            theirs: None,
            as_of,
            requested: args.requested,
            sent: args.sent,
            delivered: args.delivered,
            last: args.last,
            remark: String::new(),
        };
        let answer = Answer {
            counts: vec![figures],
            ..Answer::default()
        };
        let (_, view) = self.answer(&args.order, answer).await?;
        show::contradictions(&view, self.ctx)?;
        show::line(&view, self.ctx)?;
        Ok(Exit::of(view.contradictions.is_empty()))
    }

    async fn evidence(&self, args: EvidenceArgs) -> Result<Exit, CliError> {
        if let (Some(n), Some(out)) = (args.get, &args.out) {
            let id = self.find(&args.order).await?;
            let (name, bytes) = self
                .office
                .work_orders()
                .evidence(self.actor, id, n)
                .await?;
            write(out, &bytes)?;
            let out = out.display();
            self.ctx.out.note(self.ctx.lang.pick(
                format!("已把“{name}”写入 {out}"),
                format!("wrote {name:?} to {out}"),
            ))?;
            return Ok(Exit::Done);
        }
        let Some(file) = args.add else {
            return Err(CliRefusal::EvidenceWhat.into());
        };
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let piece = Piece {
            theirs: None,
            name: name.into_owned(),
            bytes: read(&file)?,
        };
        let answer = Answer {
            evidence: vec![piece],
            ..Answer::default()
        };
        let (_, view) = self.answer(&args.order, answer).await?;
        show::line(&view, self.ctx)?;
        Ok(Exit::Done)
    }

    async fn export(&self, order: &str, out: &Path) -> Result<Exit, CliError> {
        let id = self.find(order).await?;
        let papers = self.office.work_orders().export(self.actor, id).await?;
        let view = self.office.work_orders().get(self.actor, id).await?;
        let name = format!("{}-{}", view.line.carrier, view.line.item);
        std::fs::create_dir_all(out)?;
        let (letter, form) = (
            out.join(format!("{name}-letter.html")),
            out.join(format!("{name}-form.xlsx")),
        );
        write(&letter, papers.letter.as_bytes())?;
        write(&form, &papers.form)?;
        let (letter, form) = (letter.display(), form.display());
        self.ctx.out.note(self.ctx.lang.pick(
            format!("已写入函件 {letter} 和回执表 {form}。表中有测试手机号码，请只发给承办单位。"),
            format!("wrote the letter {letter} and the form {form}; the form holds the seed phones' numbers: give it to the carrier only"),
        ))?;
        Ok(Exit::Done)
    }

    async fn import_form(&self, file: &Path, as_json: bool) -> Result<Exit, CliError> {
        let (id, taken) = self
            .office
            .work_orders()
            .import_form(self.actor, &read(file)?)
            .await?;
        let view = self.office.work_orders().get(self.actor, id).await?;
        let ok = taken.differing == 0 && view.contradictions.is_empty();
        if as_json {
            self.ctx.out.json(&json!({
                "work_order": view.line.id, "number": view.line.number, "state": view.line.state,
                "decided": taken.decided, "proofs": taken.proofs, "differing": taken.differing,
                "counts": taken.counts, "contradictions": view.contradictions.len(),
            }))?;
            return Ok(Exit::of(ok));
        }
        self.ctx.out.note(self.ctx.lang.pick(
            format!(
                "新收回读 {} 份（不一致 {}），数量 {} 次",
                taken.proofs, taken.differing, taken.counts
            ),
            format!(
                "taken in: {} proofs ({} differ), {} reports of figures",
                taken.proofs, taken.differing, taken.counts
            ),
        ))?;
        if taken.proofs > 0 {
            show::proofs(&view, self.ctx)?;
        }
        show::contradictions(&view, self.ctx)?;
        show::line(&view, self.ctx)?;
        Ok(Exit::of(ok))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    Ok(std::fs::read(file).map_err(|e| ServiceError::cannot_open(file, &e))?)
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let path = file.display();
    std::fs::write(file, bytes)
        .map_err(|e| std::io::Error::new(e.kind(), format!("{path}: {e}")).into())
}
