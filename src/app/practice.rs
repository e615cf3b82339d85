//! The other end of a practice office: simulated carriers, and the settings that point at them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    config::{self, Config, Kind, RateUnit, Secret, SignatureBy},
    domain::{carrier::Carrier, id::GatewayId, text::Count},
    service::Office,
    simulate::{
        Dialling, Running, Settings, Simulator,
        orders::{OrderDesk, OrderSettings},
    },
};

/// The account that practice gateways log in with.
const PRACTICE_ACCOUNT: &str = "901234";

/// In practice mode without any gateway: one for each carrier, as a county would have them.
#[must_use]
pub fn with_practice_gateways(mut config: Config) -> Config {
    if config.practice && config.gateways.is_empty() {
        config.gateways = practice_gateways(&config.sending.signature);
    }
    config
}

/// One practice gateway for each carrier.
pub fn practice_gateways(signature: &str) -> Vec<config::Gateway> {
    let serves: [(&str, &[Carrier]); 3] = [
        ("mobile", &[Carrier::Mobile, Carrier::Broadnet]),
        ("unicom", &[Carrier::Unicom]),
        ("telecom", &[Carrier::Telecom]),
    ];
    serves
        .into_iter()
        .map(|(id, carriers)| practice_gateway(id, carriers, signature))
        .collect()
}

fn practice_gateway(id: &str, carriers: &[Carrier], signature: &str) -> config::Gateway {
    config::Gateway {
        id: GatewayId::from(id),
        kind: Kind::Cmpp20,
        carriers: carriers.to_vec(),
        address: "127.0.0.1:0".to_owned(),
        account: PRACTICE_ACCOUNT.to_owned(),
        password: Secret::new("practice"),
        access_number: "10690000".to_owned(),
        service_id: "SAFETY".to_owned(),
        rate: 500,
        rate_unit: RateUnit::Segments,
        links: 2,
        window: 32,
        batch: 1,
        count: Count::Ucs2,
        signature: signature.to_owned(),
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

/// The simulated carriers of a practice office, by gateway; they stop when dropped.
#[derive(Debug, Default)]
pub struct Carriers(BTreeMap<GatewayId, Running>);

impl Carriers {
    /// One simulator a gateway, set by `settings`; the office's gateways point at them afterwards.
    pub async fn start(
        office: &mut Office,
        settings: impl Fn(&config::Gateway) -> Settings,
    ) -> std::io::Result<Self> {
        let mut config = (*office.config).clone();
        let mut running = BTreeMap::new();
        for gateway in &mut config.gateways {
            let settings = Settings {
                protocol: gateway.kind,
                ..settings(gateway)
            };
            let settings = match gateway.kind {
                Kind::Sgip12 => dialled(gateway, settings)?,
                _ => settings,
            };
            let simulator = Simulator::start(settings).await?;
            gateway.address = match gateway.kind {
                Kind::Http => format!("http://{}", simulator.address()),
                _ => simulator.address().to_string(),
            };
            running.insert(gateway.id.clone(), simulator);
        }
        office.config = Arc::new(config);
        Ok(Self(running))
    }

    /// Those of a practice office; none of a real one.
    pub async fn practice(office: &mut Office) -> std::io::Result<Self> {
        if !office.config.practice {
            return Ok(Self::default());
        }
        let clock = office.clock.clone();
        Self::start(office, move |g| carrier_for(g, clock.clone())).await
    }

    /// One of them.
    pub fn get(&self, id: &GatewayId) -> Option<&Running> {
        self.0.get(id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&GatewayId, &Running)> {
        self.0.iter()
    }
}

/// A carrier that dials its client: this gateway listens on a free port of this machine, wherever it would.
fn dialled(gateway: &mut config::Gateway, settings: Settings) -> std::io::Result<Settings> {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let extra = &mut gateway.extra;
    let mut set = |key: &str, value: &str| {
        _ = extra.insert(key.to_owned(), toml::Value::String(value.to_owned()));
    };
    set("listen", &free.to_string());
    set("listen_account", PRACTICE_ACCOUNT);
    set("listen_password", PRACTICE_ACCOUNT);
    extra.remove("listen_allow");
    Ok(Settings {
        dialling: Dialling {
            address: Some(free.to_string()),
            account: PRACTICE_ACCOUNT.to_owned(),
            password: PRACTICE_ACCOUNT.to_owned(),
        },
        ..settings
    })
}

/// The simulated work-order interfaces of a practice office; they stop when dropped. Nothing of a practice office goes
/// to a real one: its settings point at these afterwards.
#[derive(Debug, Default)]
pub struct OrderDesks(Vec<(Carrier, OrderDesk)>);

impl OrderDesks {
    /// One for each carrier whose interface is configured, set by `settings`.
    pub async fn start(
        office: &mut Office,
        settings: impl Fn(&config::OrderCarrier) -> OrderSettings,
    ) -> std::io::Result<Self> {
        let mut config = (*office.config).clone();
        let mut desks = Vec::new();
        let with_url = config.work_orders.carriers.iter_mut();
        for carrier in with_url.filter(|c| !c.url.is_empty()) {
            let desk = OrderDesk::start(settings(carrier)).await?;
            carrier.url = desk.url();
            desks.push((carrier.carrier, desk));
        }
        office.config = Arc::new(config);
        Ok(Self(desks))
    }

    /// Those of a practice office; none of a real one.
    pub async fn practice(office: &mut Office) -> std::io::Result<Self> {
        if !office.config.practice {
            return Ok(Self::default());
        }
        let (clock, zone) = (office.clock.clone(), office.config.sending.timezone);
        Self::start(office, move |c| {
            OrderSettings::new(c.carrier, c.secret.expose(), clock.clone(), zone)
        })
        .await
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &(Carrier, OrderDesk)> {
        self.0.iter()
    }
}

/// A well-behaved carrier behind this gateway's contract: some numbers are dead, reports take a while.
pub fn carrier_for(gateway: &config::Gateway, clock: Clock) -> Settings {
    Settings {
        account: Some(gateway.account.clone()),
        password: Some(gateway.password.expose().to_owned()),
        report_delay: Duration::from_millis(400),
        report_jitter: Duration::from_millis(400),
        undelivered_percent: 3.0,
        access_number: gateway.access_number.clone(),
        clock,
        ..Settings::default()
    }
}
