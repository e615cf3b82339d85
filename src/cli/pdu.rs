//! `watchbell pdu`: one PDU of a carrier's protocol, for whoever has its bytes.

use clap::{Args, Subcommand};

use super::{CliError, Ctx, Exit, refusal::CliRefusal};
use crate::{
    config::Kind,
    domain::bilingual::Bilingual,
    service::pdu::{self, PduError},
};

/// `watchbell pdu …`
#[derive(Debug, Subcommand)]
pub enum PduCommand {
    /// 解码一个 PDU · decode one PDU
    Decode(DecodeArgs),
}

/// `watchbell pdu decode`
#[derive(Debug, Args)]
pub struct DecodeArgs {
    /// cmpp20、cmpp30、sgip12、smgp30 或 smpp34 · which protocol
    #[arg(long, value_name = "KIND")]
    pub protocol: Kind,
    /// 十六进制，可带空格和冒号 · hexadecimal digits; blanks and colons are left out
    #[arg(value_name = "HEX", required = true)]
    pub hex: Vec<String>,
}

/// Does it. Exit 1 when it is not one whole, valid PDU.
pub fn run(command: &PduCommand, ctx: &Ctx) -> Result<Exit, CliError> {
    let PduCommand::Decode(args) = command;
    let digits: String = args
        .hex
        .concat()
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ':')
        .collect();
    let digits = digits.strip_prefix("0x").unwrap_or(&digits);
    if let Some(odd) = digits.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(CliRefusal::NotHex { found: odd }.into());
    }
    let bytes = hex::decode(digits).map_err(|_| CliRefusal::HalfByte)?;
    match pdu::decode(args.protocol, &bytes) {
        Ok(view) => ctx.out.line(view.to_string())?,
        Err(PduError::NoPdus(_)) => {
            return Err(CliRefusal::NoPdus.into());
        }
        Err(error) => {
            let zh = match &error {
                PduError::Incomplete { needed } => {
                    format!("不是完整的 PDU：至少还缺 {needed} 字节")
                }
                PduError::Trailing(n) => format!("PDU 之后还有 {n} 字节：请一次只给一个"),
                other => format!("不是有效的 PDU：{other}"),
            };
            return Err(CliRefusal::Pdu {
                why: Bilingual {
                    zh,
                    en: error.to_string(),
                },
            }
            .into());
        }
    }
    Ok(Exit::Done)
}
