//! A gateway against a simulated carrier over real TCP, and what both of them saw.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::Instant};
use watchbell::{
    clock::Clock,
    config::{self, Kind, RateUnit, Secret, SignatureBy},
    domain::{
        carrier::Carrier,
        id::{GatewayId, LaneId},
        phone::Phone,
        priority::Priority,
        text::Count,
    },
    gateway::{
        self, Answer, CarrierMessageId, Context, Delivery, Event, Gateway, Mo, Notice, Report,
        RequestId, SegmentPlace, Sharing, Submit, WriteGate,
    },
    simulate::{Dialling, Running, Settings, Simulator},
};

/// Longer than anything here takes on a busy machine; only a failure waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const ACCOUNT: &str = "901234";
/// As long as every protocol takes it.
pub(crate) const PASSWORD: &str = "sharedpw";

/// A carrier that knows our account.
pub(crate) fn carrier() -> Settings {
    Settings {
        account: Some(ACCOUNT.to_owned()),
        password: Some(PASSWORD.to_owned()),
        report_delay: Duration::from_millis(20),
        ..Settings::default()
    }
}

/// What the carrier logs in with where it dials us; the address is told later.
pub(crate) fn dialling() -> Dialling {
    Dialling {
        address: None,
        account: "unicom".to_owned(),
        password: "dialledpw".to_owned(),
    }
}

/// The keys without which there is no SGIP, and a listener.
pub(crate) fn sgip_keys(listen: &str) -> BTreeMap<String, toml::Value> {
    let keys = format!(
        "node = 3025001234\nlisten = \"{listen}\"\nlisten_account = \"unicom\"\nlisten_password = \"dialledpw\""
    );
    toml::from_str(&keys).expect("valid TOML")
}

/// A gateway's configuration for the carrier at `address`.
pub(crate) fn config(address: std::net::SocketAddr) -> config::Gateway {
    config::Gateway {
        id: GatewayId::from("mobile"),
        kind: Kind::Cmpp20,
        carriers: vec![Carrier::Mobile],
        address: address.to_string(),
        account: ACCOUNT.to_owned(),
        password: Secret::new(PASSWORD),
        access_number: "10690000".to_owned(),
        service_id: "SAFETY".to_owned(),
        rate: 10_000,
        rate_unit: RateUnit::Segments,
        links: 1,
        window: 16,
        batch: 1,
        count: Count::Ucs2,
        signature: String::new(),
        signature_by: SignatureBy::Us,
        opt_out: String::new(),
        price: 0.05,
        daily_quota: 0,
        monthly_quota: 0,
        trace: None,
        response_timeout: Duration::from_secs(30),
        login_retry: Duration::from_mins(10),
        local_address: String::new(),
        extra: BTreeMap::new(),
    }
}

pub(crate) fn phone(n: u64) -> Phone {
    Phone::from_number(13_800_000_000 + n).expect("a mobile number")
}

pub(crate) fn submit(sequence: u32) -> Submit {
    Submit {
        sequence,
        link: None,
        lane: LaneId(1),
        priority: Priority::Normal,
        phone: phone(sequence.into()),
        text: "【某县安委办】注意安全".to_owned(),
        part: SegmentPlace {
            number: 1,
            total: 1,
            reference: 0,
        },
        segments: 1,
        valid_until: None,
        request: RequestId::default(),
        sharing: Sharing::default(),
    }
}

/// A running gateway with the engine's end of its events.
pub(crate) struct Pair {
    pub(crate) gateway: Arc<dyn Gateway>,
    pub(crate) events: mpsc::Receiver<(GatewayId, Event)>,
    /// Everything that was received so far.
    pub(crate) received: Vec<Event>,
    pub(crate) acknowledge: bool,
}

impl Pair {
    pub(crate) fn open(config: &config::Gateway) -> Self {
        Self::open_behind(config, WriteGate::always())
    }

    pub(crate) fn open_behind(config: &config::Gateway, gate: WriteGate) -> Self {
        let (sender, events) = mpsc::channel(gateway::EVENT_ROOM);
        let context = Context {
            clock: Clock::system(),
            gate,
            tasks: watchbell::tasks::Tasks::default(),
            events: sender,
            installation: "test".to_owned(),
            seed: 7,
        };
        let gateway = gateway::open(config, context).expect("a valid configuration");
        Self {
            gateway,
            events,
            received: Vec::new(),
            acknowledge: true,
        }
    }

    /// Where the gateway's carrier can dial it, once it can.
    pub(crate) async fn listening(&self) -> std::net::SocketAddr {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.gateway.health().listening {
                return at;
            }
            assert!(Instant::now() < deadline, "it never listens");
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }

    /// A carrier and a gateway, logged in on all links; over SGIP the carrier dials the gateway.
    pub(crate) async fn start(
        settings: Settings,
        change: impl FnOnce(&mut config::Gateway),
    ) -> (Running, Self) {
        let kind = settings.protocol;
        let settings = Settings {
            dialling: dialling(),
            ..settings
        };
        let carrier = Simulator::start(settings).await.expect("a free port");
        let mut config = config(carrier.address());
        config.kind = kind;
        change(&mut config);
        if kind == Kind::Sgip12 {
            config.extra.extend(sgip_keys("127.0.0.1:0"));
        }
        let mut pair = Self::open(&config);
        if kind == Kind::Sgip12 {
            carrier.call_back(&pair.listening().await.to_string());
        }
        let links = usize::from(config.links);
        pair.until("all links up", |received| {
            received
                .iter()
                .filter(|e| matches!(e, Event::LinkUp(_)))
                .count()
                >= links
        })
        .await;
        (carrier, pair)
    }

    /// Listens until `done` holds of what was received; acknowledges deliveries as the recorder would.
    pub(crate) async fn until(&mut self, what: &str, mut done: impl FnMut(&[Event]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(&self.received) {
            match tokio::time::timeout_at(deadline, self.events.recv()).await {
                Ok(Some((_, event))) => self.receive(event),
                Ok(None) => panic!("the gateway closed while waiting for: {what}"),
                Err(tokio::time::error::Elapsed { .. }) => panic!(
                    "waited in vain for: {what}; the last events: {:?}",
                    self.received.iter().rev().take(5).collect::<Vec<_>>()
                ),
            }
        }
    }

    /// Listens until what `count` sees in all events adds up to `total`: for many thousands of events.
    pub(crate) async fn until_counted(
        &mut self,
        what: &str,
        total: usize,
        count: impl Fn(&Event) -> usize,
    ) {
        let mut seen = 0;
        let mut sum = 0;
        self.until(what, |received| {
            sum += received[seen..].iter().map(&count).sum::<usize>();
            seen = received.len();
            sum >= total
        })
        .await;
    }

    /// For so long nothing is received but that the other side is there, and that is.
    pub(crate) async fn only_still_there(&mut self, span: Duration) {
        let until = Instant::now() + span;
        let mut received = 0;
        while let Ok(event) = tokio::time::timeout_at(until, self.events.recv()).await {
            assert!(
                matches!(event, Some((_, Event::Notice(Notice::StillThere(_))))),
                "the link stays: {event:?}"
            );
            received += 1;
        }
        assert!(received > 0, "nobody asked");
    }

    /// Listens until the gateway has closed.
    pub(crate) async fn until_closed(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while let Some((_, event)) = tokio::time::timeout_at(deadline, self.events.recv())
            .await
            .expect("it closes")
        {
            self.receive(event);
        }
    }

    fn receive(&mut self, event: Event) {
        if let Event::Delivered { tokens, .. } = &event
            && self.acknowledge
        {
            self.gateway.acknowledge(tokens.clone());
        }
        self.received.push(event);
    }

    /// Closes and waits for the end.
    pub(crate) async fn close(mut self) -> Vec<Event> {
        self.gateway.close(Duration::from_secs(5));
        self.until_closed().await;
        self.received
    }
}

pub(crate) fn accepted(received: &[Event]) -> BTreeMap<u32, CarrierMessageId> {
    answers(received)
        .filter_map(|(sequence, answer)| match answer {
            Answer::Accepted(id) | Answer::AcceptedAs { answered: id, .. } => {
                Some((sequence, id.clone()))
            }
            Answer::Throttled(_) | Answer::WrongNetwork(_) | Answer::Refused(_) => None,
        })
        .collect()
}

pub(crate) fn answers(received: &[Event]) -> impl Iterator<Item = (u32, &Answer)> {
    let all = received.iter().filter_map(|event| match event {
        Event::Answered { answers, .. } => Some(answers),
        _ => None,
    });
    all.flatten().map(|(sequence, answer)| (*sequence, answer))
}

pub(crate) fn reports(received: &[Event]) -> Vec<&Report> {
    deliveries(received)
        .filter_map(|d| {
            if let Delivery::Report(report) = d {
                Some(report)
            } else {
                None
            }
        })
        .collect()
}

pub(crate) fn mos(received: &[Event]) -> Vec<&Mo> {
    deliveries(received)
        .filter_map(|d| {
            if let Delivery::Mo(mo) = d {
                Some(mo)
            } else {
                None
            }
        })
        .collect()
}

fn deliveries(received: &[Event]) -> impl Iterator<Item = &Delivery> {
    received.iter().filter_map(|event| {
        if let Event::Delivered { delivery, .. } = event {
            Some(delivery)
        } else {
            None
        }
    })
}

pub(crate) fn written(received: &[Event]) -> Vec<u32> {
    received
        .iter()
        .filter_map(|e| {
            if let Event::Written(w) = e {
                Some(w.clone())
            } else {
                None
            }
        })
        .flatten()
        .collect()
}

pub(crate) fn recalled(received: &[Event]) -> Vec<u32> {
    received
        .iter()
        .filter_map(|e| {
            if let Event::Recalled(r) | Event::GivenBack(r) = e {
                Some(r.clone())
            } else {
                None
            }
        })
        .flatten()
        .collect()
}

/// What links left behind: (unanswered, unwritten).
pub(crate) fn left_behind(received: &[Event]) -> (Vec<u32>, Vec<u32>) {
    let mut both = (Vec::new(), Vec::new());
    for event in received {
        if let Event::LinkDown {
            unanswered,
            unwritten,
            ..
        } = event
        {
            both.0.extend(unanswered);
            both.1.extend(unwritten);
        }
    }
    both
}
