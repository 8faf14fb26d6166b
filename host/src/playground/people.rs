//! Invents people: names, addresses, employers. Equal seeds give equal people.
//!
//! It must not know how records are kept or served.

use fastrand::Rng;
use serde::Serialize;

const FIRST_NAMES: &[&str] = &[
    "Aisha",
    "Alexander",
    "Amara",
    "Andrea",
    "Benjamin",
    "Carlos",
    "Charlotte",
    "Daniel",
    "Elena",
    "Emma",
    "Fatima",
    "Gabriel",
    "Hannah",
    "Ibrahim",
    "Isabella",
    "James",
    "Jonas",
    "Katarina",
    "Kenji",
    "Laura",
    "Liam",
    "Lucia",
    "Margaret",
    "Mateo",
    "Mei",
    "Michael",
    "Nadia",
    "Noah",
    "Olivia",
    "Priya",
    "Rafael",
    "Samuel",
    "Sofia",
    "Thomas",
    "Victoria",
    "William",
    "Yasmin",
    "Zoe",
];

const LAST_NAMES: &[&str] = &[
    "Andersen",
    "Baker",
    "Becker",
    "Bennett",
    "Castillo",
    "Chen",
    "Davies",
    "Dubois",
    "Edwards",
    "Ferrari",
    "Fischer",
    "Garcia",
    "Haddad",
    "Hansen",
    "Hernandez",
    "Ivanova",
    "Jackson",
    "Johnson",
    "Kim",
    "Kowalski",
    "Lindgren",
    "Marino",
    "Martinez",
    "Mitchell",
    "Nakamura",
    "Novak",
    "Okafor",
    "Patel",
    "Petrov",
    "Ramirez",
    "Richardson",
    "Rossi",
    "Santos",
    "Schneider",
    "Silva",
    "Stewart",
    "Suzuki",
    "Thompson",
    "Walker",
    "Yilmaz",
];

const STREETS: &[&str] = &[
    "Alder", "Bridge", "Cedar", "Chapel", "Chestnut", "Church", "Elm", "Forest", "Garden", "Harbour", "Hazel",
    "Highland", "Juniper", "Lake", "Laurel", "Maple", "Meadow", "Mill", "Oak", "Orchard", "Park", "Pine", "Prospect",
    "River", "School", "Spring", "Station", "Sunset", "Valley", "Willow",
];

const STREET_KINDS: &[&str] =
    &["Avenue", "Crossing", "Drive", "Lane", "Parkway", "Road", "Square", "Street", "Terrace"];

const CITIES: &[&str] = &[
    "Ashford",
    "Brookfield",
    "Clearwater",
    "Dunmore",
    "Eastport",
    "Fairview",
    "Georgetown",
    "Hartwell",
    "Kingsbridge",
    "Lakewood",
    "Milton",
    "Newhaven",
    "Northfield",
    "Oakdale",
    "Port Arden",
    "Riverside",
    "Salem",
    "Springfield",
    "Stonebridge",
    "Summerville",
    "Tidewater",
    "Westbrook",
    "Winchester",
];

const STATES: &[&str] = &[
    "AK", "AL", "AZ", "CA", "CO", "CT", "FL", "GA", "IA", "ID", "IL", "KS", "LA", "MA", "ME", "MI", "MN", "MT", "NC",
    "NH", "NM", "NV", "NY", "OH", "OR", "PA", "RI", "TX", "UT", "VA", "VT", "WA", "WI", "WY",
];

const COMPANY_KINDS: &[&str] =
    &["and Sons", "Analytics", "Foods", "Group", "Inc", "Logistics", "Ltd", "Partners", "PLC"];

const JOBS: &[&str] = &[
    "Accountant, chartered",
    "Architect",
    "Biomedical engineer",
    "Chief technology officer",
    "Civil engineer",
    "Conservation officer, historic buildings",
    "Data scientist",
    "Designer, jewellery",
    "Editor, magazine features",
    "Electrical engineer",
    "Financial adviser",
    "Geologist, engineering",
    "Health visitor",
    "Insurance underwriter",
    "Journalist, broadcasting",
    "Landscape architect",
    "Librarian, academic",
    "Marine scientist",
    "Museum curator",
    "Nurse, children's",
    "Operational researcher",
    "Pharmacist, community",
    "Product manager",
    "Psychologist, clinical",
    "Quantity surveyor",
    "Research officer, government",
    "Retail buyer",
    "Site engineer",
    "Solicitor",
    "Teacher, primary school",
    "Translator",
    "Veterinary surgeon",
    "Warehouse manager",
    "Water quality scientist",
];

const MAIL_DOMAINS: &[&str] = &["example.com", "example.net", "example.org"];

/// All that a record says of a person, in the order in which it is served.
#[derive(Serialize)]
pub(super) struct Person {
    id: String,
    name: String,
    email: String,
    address: String,
    company: String,
    job: &'static str,
}

impl Person {
    /// The next person of this sequence.
    pub(super) fn invent(rng: &mut Rng) -> Person {
        let (first, last) = (pick(rng, FIRST_NAMES), pick(rng, LAST_NAMES));
        let domain = pick(rng, MAIL_DOMAINS);
        Person {
            id: id(rng),
            name: format!("{first} {last}"),
            email: format!("{}.{}{}@{domain}", first.to_lowercase(), last.to_lowercase(), rng.u32(1..1000)),
            address: address(rng),
            company: company(rng),
            job: pick(rng, JOBS),
        }
    }
}

/// A UUID of version 4, except that its bits come from the seed.
fn id(rng: &mut Rng) -> String {
    let version = 0x4 << 76;
    let variant = 0b10 << 62;
    let bits = rng.u128(..) & !(0xf << 76) & !(0b11 << 62) | version | variant;
    let digits = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

/// Two or three lines.
fn address(rng: &mut Rng) -> String {
    let house = rng.u32(1..10_000);
    let street = format!("{house} {} {}", pick(rng, STREETS), pick(rng, STREET_KINDS));
    let unit = if rng.u8(..) < 64 { format!("\nApt. {}", rng.u32(1..1000)) } else { String::new() };
    let (city, state, zip) = (pick(rng, CITIES), pick(rng, STATES), rng.u32(501..99_951));
    format!("{street}{unit}\n{city}, {state} {zip:05}")
}

fn company(rng: &mut Rng) -> String {
    match rng.u8(..3) {
        0 => format!("{} {}", pick(rng, LAST_NAMES), pick(rng, COMPANY_KINDS)),
        1 => format!("{}-{}", pick(rng, LAST_NAMES), pick(rng, LAST_NAMES)),
        _ => format!("{}, {} and {}", pick(rng, LAST_NAMES), pick(rng, LAST_NAMES), pick(rng, LAST_NAMES)),
    }
}

fn pick(rng: &mut Rng, from: &'static [&'static str]) -> &'static str {
    from[rng.usize(..from.len())]
}
