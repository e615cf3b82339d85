//! A quota that leaves no room: who waits for it, and for how long.

use super::{journal::TEXT, *};
use crate::engine::journal::Rest;

const NOW: Micros = Micros(1_000_000_000_000);

/// Long enough for everything that rests.
const MIDNIGHT: Micros = Micros(NOW.0 + 8 * 3_600_000_000);

fn lane(id: i64, priority: Priority, max_parts: u8) -> Lane {
    Lane {
        id: LaneId(id),
        gateway: "a".into(),
        priority,
        template: Arc::new(Template::parse(TEXT).expect("a good template")),
        written_from: 0,
        next: 0,
        end: 10,
        max_parts,
        not_after: None,
        requeued: Vec::new(),
    }
}

fn core(lanes: &[Lane]) -> Core {
    let mut core = Core::new("node", [account("a", 10.0, 16)]);
    core.event(NOW, &"a".into(), Event::LinkUp(0));
    core.lanes(NOW, lanes.to_vec());
    core
}

/// Which lane a claim is asked for, if one is.
fn asked(core: &mut Core) -> Option<LaneId> {
    std::iter::from_fn(|| core.poll()).find_map(|action| match action {
        Action::Record(ops) => ops.into_iter().find_map(|op| match op {
            Op::Claim(request) => Some(request.lane),
            _ => None,
        }),
        Action::Submit(..) | Action::Recall(..) => None,
    })
}

fn spent(lane: &Lane, rest: Rest) -> Claimed {
    Claimed::Spent {
        lane: lane.id,
        gateway: "a".into(),
        segments: lane.max_parts,
        rest,
    }
}

#[test]
fn a_text_that_does_not_fit_rests_those_as_long_and_no_shorter_one() {
    let long = lane(1, Priority::Urgent, 3);
    let longer = lane(2, Priority::Normal, 4);
    let short = lane(3, Priority::Bulk, 1);
    let mut core = core(&[long.clone(), longer, short.clone()]);
    assert_eq!(asked(&mut core), Some(long.id));
    core.claimed(NOW, spent(&long, Rest::Until(MIDNIGHT)));
    assert_eq!(asked(&mut core), Some(short.id));
}

#[test]
fn what_may_be_left_in_a_moment_is_not_taken_by_the_less_urgent() {
    let long = lane(1, Priority::Normal, 3);
    let bulk = lane(2, Priority::Bulk, 1);
    let urgent = lane(3, Priority::Urgent, 1);
    let mut core = core(&[long.clone(), bulk.clone()]);
    assert_eq!(asked(&mut core), Some(long.id));
    core.claimed(NOW, spent(&long, Rest::Soon));
    assert_eq!(asked(&mut core), None);
    core.lanes(NOW, vec![long.clone(), bulk, urgent.clone()]);
    assert_eq!(asked(&mut core), Some(urgent.id));
    core.claimed(NOW, spent(&urgent, Rest::Until(MIDNIGHT)));
    core.tick(NOW.plus_secs(2));
    assert_eq!(asked(&mut core), None, "one segment more is too much");
}

#[test]
fn no_clock_makes_a_rest_longer_than_minutes() {
    let long = lane(1, Priority::Normal, 3);
    let mut core = core(std::slice::from_ref(&long));
    assert_eq!(asked(&mut core), Some(long.id));
    core.claimed(NOW, spent(&long, Rest::Until(MIDNIGHT)));
    core.tick(NOW.plus_secs(60));
    assert_eq!(asked(&mut core), None);
    core.tick(NOW.plus_secs(301));
    assert_eq!(asked(&mut core), Some(long.id), "asked again by itself");
    core.claimed(NOW, spent(&long, Rest::Until(MIDNIGHT)));
    core.tick(NOW.plus_secs(-3_600));
    assert_eq!(asked(&mut core), Some(long.id), "the clock was set back");
}
