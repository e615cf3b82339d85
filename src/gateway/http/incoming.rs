//! Reports and texts as a carrier's JSON has them.

use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    description::{Description, MoRule, ReportRule},
    template::Fill,
};
use crate::{
    domain::{message::ReportStatus, phone::Phone},
    gateway::{CarrierMessageId, Delivery, Mo, Report, content::BEIJING},
};

impl Description {
    /// The reports and texts in a body; none where it is not what the description says. What is neither
    /// (another kind of event, a number that is none), and a report that is not final, is passed over.
    pub(super) fn deliveries(&self, body: &Value, list: &str) -> Option<Vec<Delivery>> {
        let items = match body.pointer(list)? {
            Value::Array(items) => items.iter().collect(),
            one @ Value::Object(_) => vec![one],
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
        Some(items.into_iter().filter_map(|i| self.delivery(i)).collect())
    }

    fn delivery(&self, item: &Value) -> Option<Delivery> {
        let is_text = |rule: &&MoRule| item.pointer(&rule.text).is_some();
        if let Some(rule) = self.mo.as_ref().filter(is_text) {
            return mo(rule, item).map(Delivery::Mo);
        }
        report(self.report.as_ref()?, item).map(Delivery::Report)
    }
}

fn phone(item: &Value, place: &str) -> Option<Phone> {
    Phone::from_wire(&Fill::at(item, place)?)
}

fn mo(rule: &MoRule, item: &Value) -> Option<Mo> {
    let id = Fill::at(item, &rule.id).filter(|id| !id.is_empty());
    // Without an id of its own a repeat is known by its whole content.
    let id = id.unwrap_or_else(|| hex::encode(&Sha256::digest(item.to_string())[..16]));
    Some(Mo {
        phone: phone(item, &rule.phone)?,
        to: Fill::at(item, &rule.to).unwrap_or_default(),
        text: Fill::at(item, &rule.text)?,
        carrier_id: CarrierMessageId(id),
    })
}

fn report(rule: &ReportRule, item: &Value) -> Option<Report> {
    let status = Fill::at(item, &rule.status)?;
    let code = Fill::at(item, &rule.code).filter(|code| !code.is_empty());
    let meaning = match () {
        () if rule.delivered.contains(&status) => ReportStatus::Delivered,
        () if rule.expired.contains(&status) => ReportStatus::Expired,
        () if rule.intermediate.contains(&status) => return None,
        () => ReportStatus::Undelivered,
    };
    let time = Fill::at(item, &rule.time).unwrap_or_default();
    Some(Report {
        carrier_id: CarrierMessageId(Fill::at(item, &rule.id)?),
        phone: phone(item, &rule.phone)?,
        status: meaning,
        code: code.unwrap_or(status),
        submit_time: minute(&time, &rule.time_format).unwrap_or_default(),
    })
}

/// `YYMMDDhhmm` in Beijing, as the binary protocols' reports have it.
fn minute(time: &str, format: &str) -> Option<String> {
    let local = match format {
        "rfc3339" => DateTime::parse_from_rfc3339(time)
            .ok()?
            .with_timezone(&BEIJING)
            .naive_local(),
        "unix" => DateTime::from_timestamp(time.parse().ok()?, 0)?
            .with_timezone(&BEIJING)
            .naive_local(),
        format => NaiveDateTime::parse_from_str(time, format).ok()?,
    };
    Some(local.format("%y%m%d%H%M").to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn description(name: &str) -> Description {
        Description::built_in(name)
            .expect("it is built in")
            .expect("it is right")
    }

    #[test]
    fn a_push_of_yunmas_is_one_report_or_one_text() {
        let mas = description("yunmas");
        let report = json!({
            "reportStatus": "DELIVRD", "mobile": "13800138000", "submitDate": "20230612080102",
            "receiveDate": "20230612080105", "errorCode": "", "msgGroup": "0612080102001",
        });
        let found = mas.deliveries(&report, "").expect("an object");
        let [Delivery::Report(report)] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(report.status, ReportStatus::Delivered);
        assert_eq!(report.carrier_id.0, "0612080102001");
        assert_eq!(
            (report.code.as_str(), report.submit_time.as_str()),
            ("DELIVRD", "2306120801")
        );
        let text = json!({ "mobile": "13800138000", "smsContent": "R", "sendTime": "2023-06-12 08:00:00", "addSerial": "106" });
        let found = mas.deliveries(&text, "").expect("an object");
        let [Delivery::Mo(mo)] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!((mo.text.as_str(), mo.to.as_str()), ("R", "106"));
        assert_eq!(mo.carrier_id.0.len(), 32);
    }

    #[test]
    fn a_push_of_aliyun_is_a_list() {
        let body = json!([
            { "phone_number": "13800138000", "send_time": "2023-06-12 08:01:02", "report_time": "2023-06-12 08:01:05",
              "success": true, "err_code": "DELIVERED", "err_msg": "用户接收成功", "sms_size": "1",
              "biz_id": "12345", "out_id": "67890" },
            { "phone_number": "13900139000", "send_time": "2023-06-12 08:01:02", "report_time": "2023-06-12 08:01:05",
              "success": false, "err_code": "MOBILE_ACCOUNT_ABNORMAL", "sms_size": "1", "biz_id": "12345", "out_id": "67890" },
            { "phone_number": "not a number", "success": true, "biz_id": "12345" },
        ]);
        let found = description("aliyun").deliveries(&body, "").expect("a list");
        let statuses: Vec<_> = found
            .iter()
            .map(|d| match d {
                Delivery::Report(r) => (r.status, r.code.as_str(), r.submit_time.as_str()),
                Delivery::Mo(mo) => panic!("{mo:?}"),
            })
            .collect();
        assert_eq!(
            statuses,
            [
                (ReportStatus::Delivered, "DELIVERED", "2306120801"),
                (
                    ReportStatus::Undelivered,
                    "MOBILE_ACCOUNT_ABNORMAL",
                    "2306120801"
                ),
            ]
        );
    }

    #[test]
    fn a_report_that_is_not_final_is_passed_over() {
        let event = |status: &str| json!({ "id": "1", "to": "13800138000", "status": status });
        let body = json!({ "events": [event("buffered"), event("delivered")] });
        let found = description("watchbell").deliveries(&body, "/events");
        let [Delivery::Report(report)] = &found.expect("a list")[..] else {
            panic!("one report")
        };
        assert_eq!(report.status, ReportStatus::Delivered);
    }

    #[test]
    fn what_is_no_list_and_no_object_is_nothing() {
        let ours = description("watchbell");
        assert_eq!(ours.deliveries(&json!({ "events": 3 }), "/events"), None);
        assert_eq!(ours.deliveries(&json!({}), "/events"), None);
        assert_eq!(
            ours.deliveries(&json!({ "events": [] }), "/events"),
            Some(Vec::new())
        );
    }
}
