//! Many connections and a source that is down: what it gets to see, and who finds it again.

use std::collections::HashMap;

use super::*;

/// What comes of the n-th request.
type Behaviour = fn(usize) -> Result<Response>;

/// Sources by their host: how each answers, except for `/broken`, and how often it was asked.
#[derive(Default)]
struct World {
    answers: Mutex<HashMap<String, Behaviour>>,
    asked: Mutex<HashMap<String, usize>>,
}

impl World {
    fn set(&self, host: &str, answer: Behaviour) {
        self.answers.lock().expect("unpoisoned").insert(host.to_owned(), answer);
    }

    fn asked(&self, host: &str) -> usize {
        self.asked.lock().expect("unpoisoned").get(host).copied().unwrap_or(0)
    }
}

impl Transport for World {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            let host = request.url.host_str().expect("a host").to_owned();
            let number = {
                let mut asked = self.asked.lock().expect("unpoisoned");
                let number = asked.entry(host.clone()).or_default();
                *number += 1;
                *number
            };
            sleep(Duration::from_millis(20)).await;
            if request.url.path().ends_with("/broken") {
                return json(500, "a defect");
            }
            let answer = self.answers.lock().expect("unpoisoned")[&host];
            answer(number)
        })
    }
}

fn up(_: usize) -> Result<Response> {
    json(200, "[]")
}

fn refusing(_: usize) -> Result<Response> {
    lost("source.unreachable", "connection refused")
}

fn out_of_order(_: usize) -> Result<Response> {
    json(503, "maintenance")
}

fn too_late(_: usize) -> Result<Response> {
    lost("source.timeout", "the whole answer did not come")
}

fn flaky(number: usize) -> Result<Response> {
    if number.is_multiple_of(2) { json(502, "") } else { up(number) }
}

fn connections(world: &Arc<World>, origins: &Origins, host: &str, count: usize) -> Vec<Source> {
    (0..count).map(|_| connection(world, origins, host, None)).collect()
}

fn connection(world: &Arc<World>, origins: &Origins, host: &str, rate_limit: Option<RateLimit>) -> Source {
    let settings = config::Source::new(format!("https://{host}/v1").parse().expect("a URL"));
    let settings = config::Source { rate_limit, ..settings };
    let tokens = Arc::new(MemoryTokens::default());
    Source::new(&settings, world.clone(), tokens, Arc::default(), origins.clone()).expect("a source")
}

/// Each connection has a run of one request, spread over a minute. Returns how many succeeded.
async fn a_minute(connections: &[Source]) -> usize {
    let minute = Duration::from_secs(60);
    let next = Instant::now() + minute;
    let runs = connections.iter().enumerate().map(|(number, source)| async move {
        sleep(minute * number as u32 / connections.len() as u32).await;
        source.fetch(get("/users")).await.is_ok()
    });
    let succeeded = join_all(runs).await.into_iter().filter(|succeeded| *succeeded).count();
    tokio::time::sleep_until(next).await;
    succeeded
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_down_is_left_alone_and_found_again() {
    for down in [refusing, out_of_order] {
        let (world, origins) = (Arc::new(World::default()), Origins::default());
        let connections = connections(&world, &origins, "a.test", 200);
        world.set("a.test", down);
        assert_eq!(a_minute(&connections).await, 0);
        let before_it_was_known = world.asked("a.test");
        assert!(before_it_was_known <= 220, "{before_it_was_known}");

        for _ in 0..60 {
            assert_eq!(a_minute(&connections).await, 0);
        }
        let requests = world.asked("a.test") - before_it_was_known;
        let runs = 60 * connections.len();
        assert!(requests * 10 <= runs * 11, "{requests} requests of {runs} runs");
        assert!((12..=30).contains(&requests), "probes are few, but never cease: {requests}");

        world.set("a.test", up);
        for _ in 0..6 {
            a_minute(&connections).await;
        }
        assert_eq!(a_minute(&connections).await, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn all_at_once_ask_a_source_that_is_down_hardly_more_than_once_each() {
    let (world, origins) = (Arc::new(World::default()), Origins::default());
    let connections = connections(&world, &origins, "a.test", 200);
    world.set("a.test", refusing);
    join_all(connections.iter().map(|source| source.fetch(get("/users")))).await;
    assert!((200..=220).contains(&world.asked("a.test")), "{}", world.asked("a.test"));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_refused_ends_at_once_and_says_until_when() {
    let (world, origins) = (Arc::new(World::default()), Origins::default());
    let connections = connections(&world, &origins, "a.test", 20);
    world.set("a.test", refusing);
    a_minute(&connections).await;
    let asked = world.asked("a.test");
    let began = Instant::now();
    let refused = join_all(connections.iter().map(|source| source.fetch(get("/users")))).await;
    let refused: Vec<Error> =
        refused.into_iter().map(failure).filter(|error| error.fact("retry_at").is_some()).collect();
    assert!(refused.len() >= connections.len() - 1, "all but a probe are refused: {}", refused.len());
    assert!(world.asked("a.test") <= asked + 1);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    for error in refused {
        assert_eq!((error.code(), error.origin()), ("source.unreachable", Origin::Reachability));
        let since = error.fact("since").expect("since when").to_owned();
        let retry_at = error.fact("retry_at").expect("until when");
        let expected =
            format!("GET /users: https://a.test has failed since {since}; it is left alone until {retry_at}");
        assert_eq!(error.message(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_its_turn_is_not_sent_to_a_source_that_went_down() {
    let (world, origins) = (Arc::new(World::default()), Origins::default());
    let every = |seconds: f64| Some(RateLimit { requests_per_second: 1.0 / seconds, burst: 1 });
    let [slow, slowest] = [3.5, 1_000.0].map(|seconds| connection(&world, &origins, "a.test", every(seconds)));
    world.set("a.test", up);
    for source in [&slow, &slowest] {
        assert_eq!(body(source.fetch(get("/users")).await), "[]");
    }

    world.set("a.test", refusing);
    let others = connections(&world, &origins, "a.test", 30);
    let waiting = slow.fetch(get("/users"));
    let (waited, _) = tokio::join!(waiting, join_all(others.iter().map(|other| other.fetch(get("/users")))));
    assert!(failure(waited).fact("retry_at").is_some(), "it was sent");

    // Whoever would have to wait for its turn now ends at once.
    while failure(others[0].fetch(get("/users")).await).fact("retry_at").is_none() {}
    let began = Instant::now();
    assert!(failure(slowest.fetch(get("/users")).await).fact("retry_at").is_some(), "it was sent");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn origins_do_not_influence_each_other() {
    let (world, origins) = (Arc::new(World::default()), Origins::default());
    world.set("a.test", refusing);
    world.set("b.test", up);
    let (down, healthy) = (connections(&world, &origins, "a.test", 50), connections(&world, &origins, "b.test", 50));
    for _ in 0..3 {
        let (failed, succeeded) = tokio::join!(a_minute(&down), a_minute(&healthy));
        assert_eq!((failed, succeeded), (0, 50));
    }
    assert_eq!(world.asked("b.test"), 150);
}

#[tokio::test(start_paused = true)]
async fn one_endpoint_with_a_defect_locks_no_one_out() {
    let (world, origins) = (Arc::new(World::default()), Origins::default());
    let connections = connections(&world, &origins, "a.test", 20);
    world.set("a.test", up);
    for _ in 0..10 {
        for source in &connections {
            assert_eq!(failure(source.fetch(get("/broken")).await).fact("status"), Some("500"));
        }
    }
    assert_eq!(a_minute(&connections).await, 20);
}

#[tokio::test(start_paused = true)]
async fn an_answer_500_to_a_probe_tells_nothing() {
    let (world, origins) = (Arc::new(World::default()), Origins::default());
    let connections = connections(&world, &origins, "a.test", 20);
    world.set("a.test", refusing);
    a_minute(&connections).await;
    sleep(Duration::from_secs(600)).await;
    let probe = connections[0].fetch(get("/broken"));
    let others = async {
        sleep(Duration::from_millis(10)).await;
        let asked = world.asked("a.test");
        let refused = join_all(connections[1..].iter().map(|source| source.fetch(get("/users")))).await;
        assert!(refused.into_iter().all(|result| failure(result).fact("retry_at").is_some()));
        assert_eq!(world.asked("a.test"), asked, "a probe is under way");
    };
    let (probe, ()) = tokio::join!(probe, others);
    assert_eq!(failure(probe).fact("status"), Some("500"));
    world.set("a.test", up);
    assert_eq!(body(connections[1].fetch(get("/users")).await), "[]");
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_haste_locks_no_one_else_out() {
    for (first_byte, is_hasty) in [(Duration::from_millis(1), true), (Duration::from_secs(60), false)] {
        let (world, origins) = (Arc::new(World::default()), Origins::default());
        let mut settings = config::Source::new("https://a.test/v1".parse().expect("a URL"));
        settings.timeouts.first_byte = first_byte;
        let tokens = Arc::new(MemoryTokens::default());
        let late = Source::new(&settings, world.clone(), tokens, Arc::default(), origins.clone()).expect("a source");
        world.set("a.test", too_late);
        for _ in 0..20 {
            failure(late.fetch(get("/users")).await);
        }
        world.set("a.test", up);
        let other = connection(&world, &origins, "a.test", None).fetch(get("/users")).await;
        assert_eq!(other.is_ok(), is_hasty, "{first_byte:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_given_up_does_not_lock_the_source_out() {
    let (world, origins) = (Arc::new(World::default()), Origins::default());
    let connections = connections(&world, &origins, "a.test", 20);
    world.set("a.test", refusing);
    a_minute(&connections).await;
    sleep(Duration::from_secs(600)).await;
    world.set("a.test", up);
    let probe = tokio::time::timeout(Duration::from_millis(1), connections[0].fetch(get("/users"))).await;
    assert!(probe.is_err(), "it is cut short");
    assert_eq!(body(connections[1].fetch(get("/users")).await), "[]");
}

#[tokio::test(start_paused = true)]
async fn what_is_repeated_is_a_small_part_of_what_is_asked() {
    let (world, origins) = (Arc::new(World::default()), Origins::default());
    let connections = connections(&world, &origins, "a.test", 200);
    world.set("a.test", flaky);
    let began = Instant::now();
    join_all(connections.iter().map(|source| source.fetch(get("/users")))).await;
    let repeated = world.asked("a.test") - 200;
    let allowed = 10 + 20 + began.elapsed().as_secs() as usize + 1;
    assert!(repeated <= allowed, "{repeated} of {allowed}");
}

#[tokio::test(start_paused = true)]
async fn who_is_not_repeated_learns_why() {
    for (behaviour, code) in [(refusing as Behaviour, "source.unreachable"), (out_of_order, "source.status")] {
        let (world, origins) = (Arc::new(World::default()), Origins::default());
        let connections = connections(&world, &origins, "a.test", 100);
        world.set("a.test", behaviour);
        let failures = join_all(connections.iter().map(|source| source.fetch(get("/users")))).await;
        let unrepeated = failures.into_iter().map(failure).filter(|error| {
            let help = error.remedy().unwrap_or_default();
            error.code() == code && help.contains("it was not sent again, since too much is repeated")
        });
        assert!(unrepeated.count() >= 50);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_alone_makes_all_of_its_attempts() {
    let script = Script::of((0..49).map(|_| refusing(0)).chain([up(0)]));
    let mut settings = settings();
    settings.retry.attempts = 50;
    settings.retry.max_delay = Duration::from_millis(200);
    assert_eq!(body(source(&settings, &script).fetch(get("/users")).await), "[]");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_alone_survives_a_source_that_fails_half_the_time() {
    let (world, origins) = (Arc::new(World::default()), Origins::default());
    world.set("a.test", flaky);
    let connection = &connections(&world, &origins, "a.test", 1)[0];
    for number in 0..500 {
        assert_eq!(body(connection.fetch(get("/users")).await), "[]", "{number}");
    }
}
