//! What a new database holds: the same on every machine, so that documentation and tests can name it.

/// How many customers there are, and accounts, one each.
pub(crate) const COUNT: u32 = 1_000;

/// Seoul's districts; customers are spread over them evenly.
const DISTRICTS: [&str; 25] = [
    "gangnam-gu",
    "gangdong-gu",
    "gangbuk-gu",
    "gangseo-gu",
    "gwanak-gu",
    "gwangjin-gu",
    "guro-gu",
    "geumcheon-gu",
    "nowon-gu",
    "dobong-gu",
    "dongdaemun-gu",
    "dongjak-gu",
    "mapo-gu",
    "seodaemun-gu",
    "seocho-gu",
    "seongdong-gu",
    "seongbuk-gu",
    "songpa-gu",
    "yangcheon-gu",
    "yeongdeungpo-gu",
    "yongsan-gu",
    "eunpyeong-gu",
    "jongno-gu",
    "jung-gu",
    "jungnang-gu",
];

const FAMILY_NAMES: [&str; 10] =
    ["Kim", "Lee", "Park", "Choi", "Jeong", "Kang", "Cho", "Yoon", "Jang", "Lim"];

const GIVEN_NAMES: [&str; 16] = [
    "Seo-yeon", "Min-jun", "Ji-woo", "Seo-jun", "Ha-eun", "Do-yun", "Ji-ho", "Su-bin", "Ye-jun", "Eun-ji",
    "Hyun-woo", "Yu-na", "Jun-seo", "Da-eun", "Tae-hyun", "Chae-won",
];

/// `acc-0001` and so on.
pub(crate) fn account_id(number: u32) -> String {
    format!("acc-{number:04}")
}

/// `cust-0001` and so on.
pub(crate) fn customer_id(number: u32) -> String {
    format!("cust-{number:04}")
}

/// From 50,000 to 1,000,000 won, in thousands.
pub(crate) const fn balance_won(number: u32) -> i64 {
    50_000 + (number as i64 * 7_919 % 951) * 1_000
}

/// Family name first.
pub(crate) fn name(number: u32) -> String {
    format!("{} {}", pick(&FAMILY_NAMES, number * 7 / 3), pick(&GIVEN_NAMES, number * 13 / 5))
}

/// Where a customer lives.
pub(crate) const fn district(number: u32) -> &'static str {
    pick(&DISTRICTS, number - 1)
}

const fn pick(from: &[&'static str], at: u32) -> &'static str {
    from[at as usize % from.len()]
}
