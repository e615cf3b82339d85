//! Who lives in the example county.

use crate::{domain::phone::Phone, random::SplitMix64};

const SURNAMES: &[char] = &[
    '王', '李', '张', '刘', '陈', '杨', '黄', '赵', '吴', '周', '徐', '孙', '马', '朱', '胡', '郭',
    '何', '林', '罗', '高', '郑', '梁', '谢', '宋', '唐', '许', '韩', '冯', '邓', '曹', '彭', '曾',
    '肖', '田', '董', '袁', '潘', '于', '蒋', '蔡', '余', '杜', '叶', '程', '苏', '魏', '吕', '丁',
    '任', '沈', '姚', '卢', '姜', '崔', '钟', '谭', '陆', '汪', '范', '金',
];
const GIVEN: &[char] = &[
    '伟', '芳', '娜', '敏', '静', '丽', '强', '磊', '军', '洋', '勇', '艳', '杰', '娟', '涛', '明',
    '超', '霞', '平', '刚', '桂', '英', '华', '建', '国', '文', '志', '海', '玉', '兰', '红', '春',
    '梅', '云', '龙', '峰', '亮', '宁', '雪', '松', '柏', '山', '安', '康', '林', '鹏', '飞', '辉',
    '斌', '波', '欣', '怡', '佳', '晨', '宇', '浩', '然', '思', '远', '达',
];

/// The four leading bodies and who leads them.
const LEADING: &[(&str, &[&str])] = &[
    (
        "中共云岭县委",
        &[
            "书记",
            "副书记",
            "常委、纪委书记",
            "常委、宣传部部长",
            "常委、办公室主任",
        ],
    ),
    ("云岭县人大常委会", &["主任", "副主任", "办公室主任"]),
    (
        "云岭县人民政府",
        &["县长", "常务副县长", "副县长", "办公室主任"],
    ),
    ("政协云岭县委员会", &["主席", "副主席", "秘书长"]),
];

/// The units that the month's plan makes responsible.
const UNITS: &[&str] = &[
    "县委宣传部",
    "县文化体育广播电视局",
    "县广播电台",
    "县电视台",
    "县建设局",
    "县交通运输局",
    "县卫生局",
    "县教育体育局",
    "县商业局",
    "县交警大队",
    "县消防大队",
    "县工商局",
    "县国土局",
    "县供销社",
    "县林业局",
    "县食品药品监管局",
    "县气象局",
    "县质监局",
    "县供电公司",
    "县石油公司",
    "县工业园区管委会",
    "县总工会",
    "团县委",
    "县妇联",
    "云岭镇人民政府",
    "青溪镇人民政府",
    "白石乡人民政府",
    "松涛乡人民政府",
    "龙泉镇人民政府",
    "河湾乡人民政府",
];
const UNIT_POSTS: &[&str] = &[
    "主要负责人",
    "分管安全负责人",
    "办公室主任",
    "安全生产联络员",
];

const STAFF_UNITS: &[&str] = &[
    "县安监局",
    "县安监局",
    "县安全生产监察大队",
    "云岭镇安监站",
    "青溪镇安监站",
    "白石乡安监站",
    "松涛乡安监站",
    "龙泉镇安监站",
    "河湾乡安监站",
    "县工业园区安监办",
];
const STAFF_DEPARTMENTS: &[&str] = &[
    "办公室",
    "综合监管股",
    "危险化学品股",
    "非煤矿山股",
    "职业健康股",
    "宣传教育股",
    "执法一中队",
    "执法二中队",
];
const STAFF_POSTS: &[&str] = &[
    "股长",
    "副股长",
    "科员",
    "安监员",
    "安监员",
    "安监员",
    "监察员",
    "站长",
];

/// Segments of each carrier with its share in a hundred.
const SEGMENTS: [(u64, &[u64]); 4] = [
    (
        60,
        &[
            135, 136, 137, 138, 139, 147, 150, 151, 152, 157, 158, 159, 178, 182, 183, 184, 187,
            188, 195, 197, 198,
        ],
    ),
    (19, &[130, 131, 132, 155, 156, 166, 175, 176, 185, 186, 196]),
    (18, &[133, 153, 173, 177, 180, 181, 189, 190, 191, 193, 199]),
    (3, &[192]),
];

/// One person.
pub(super) struct Contact {
    pub(super) name: String,
    pub(super) unit: &'static str,
    pub(super) department: &'static str,
    pub(super) post: &'static str,
    pub(super) phone: Phone,
}

impl Contact {
    pub(super) fn digits(&self) -> String {
        self.phone.expose()
    }
}

/// Draws people by lot; person `i` is the same however many are drawn.
pub(super) struct Lot {
    seed: u64,
}

impl Lot {
    pub(super) fn new(seed: u64) -> Self {
        let seed = SplitMix64::new(seed).next();
        Self { seed }
    }

    /// Person `i`: a leader below `leaders`, a member unit's below `units`, else of the staff.
    pub(super) fn contact(&self, i: usize, leaders: usize, units: usize) -> Contact {
        let draw = |n: u64, many: usize| (self.draw(i, n) % many as u64) as usize;
        let mut name = String::from(SURNAMES[draw(1, SURNAMES.len())]);
        name.push(GIVEN[draw(2, GIVEN.len())]);
        if draw(3, 4) > 0 {
            name.push(GIVEN[draw(4, GIVEN.len())]);
        }
        if i == leaders {
            // A name that GBK cannot write stands in every address book sooner or later.
            name.push('𠮷');
        }
        let (unit, department, post) = if i < leaders {
            let (unit, posts) = LEADING[i % LEADING.len()];
            (unit, "", posts[(i / LEADING.len()).min(posts.len() - 1)])
        } else if i < units {
            let i = i - leaders;
            (
                UNITS[i % UNITS.len()],
                "",
                UNIT_POSTS[(i / UNITS.len()).min(UNIT_POSTS.len() - 1)],
            )
        } else {
            let unit = STAFF_UNITS[draw(5, STAFF_UNITS.len())];
            (
                unit,
                STAFF_DEPARTMENTS[draw(6, STAFF_DEPARTMENTS.len())],
                STAFF_POSTS[draw(7, STAFF_POSTS.len())],
            )
        };
        Contact {
            name,
            unit,
            department,
            post,
            phone: self.phone(i),
        }
    }

    /// Number `i`; no two of the first hundred million are the same, since their last eight digits differ.
    pub(super) fn phone(&self, i: usize) -> Phone {
        const TAILS: u64 = 100_000_000;
        // Odd and no multiple of five, so it shares no factor with the number of tails.
        const STEP: u64 = 61_803_399;
        if let Some(satellite) = self.satellite(i) {
            return satellite;
        }
        // One of each carrier comes first, so that also a handful of people has all of them.
        let share = match i {
            0..4 => [0, 60, 79, 97][i],
            _ => self.draw(i, 8) % 100,
        };
        let mut below = 0;
        let segments = SEGMENTS.iter().find(|(percent, _)| {
            below += percent;
            share < below
        });
        let (_, segments) = segments.expect("the shares add up to a hundred");
        let segment = segments[(self.draw(i, 9) % segments.len() as u64) as usize];
        let tail = (i as u64 % TAILS * STEP + self.seed % TAILS) % TAILS;
        Phone::from_number(segment * TAILS + tail)
            .expect("three digits and eight are a mobile number")
    }

    /// One in a hundred is reached by satellite, as where no mast stands: numbers of none of the four carriers.
    fn satellite(&self, i: usize) -> Option<Phone> {
        const PREFIX: u64 = 1_749;
        const TAILS: u64 = 10_000_000;
        // Odd and no multiple of five, as above.
        const STEP: u64 = 6_180_339;
        let i = i as u64;
        if i % 100 != 7 || i >= TAILS {
            return None;
        }
        Phone::from_number(PREFIX * TAILS + (i * STEP + self.seed % TAILS) % TAILS)
    }

    fn draw(&self, i: usize, n: u64) -> u64 {
        let drawn = SplitMix64::new((i as u64) << 4 | n).next();
        SplitMix64::new(self.seed ^ drawn).next()
    }
}
