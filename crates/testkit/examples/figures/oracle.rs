//! Compares how long refusals take for different causes; a stranger must see no difference (security rule 8).
//!
//! Many attempts of all classes run at once, because each takes two seconds by design. The difference of two medians is
//! compared with the spread that chance alone gives. A class of its own adds 200 microseconds, to show that such a
//! difference would be found.

use std::time::{Duration, Instant};

use crate::demo::Demo;
use crate::talk::Line;

/// How many attempts run at once.
const AT_ONCE: usize = 400;
/// The difference that one class adds.
const PLANTED: Duration = Duration::from_micros(200);
/// The classes: label, login name, password, and the time that is added.
const CLASSES: [(&str, &str, &str, Duration); 4] = [
    ("wrong password", "hanako", "wrong", Duration::ZERO),
    ("unknown account", "nobody", "wrong", Duration::ZERO),
    ("wrong password again", "hanako", "wrong", Duration::ZERO),
    ("planted 200 us", "hanako", "wrong", PLANTED),
];

/// Measures so many samples of each class, and prints how each class compares with the first.
pub async fn run(samples: usize) -> anyhow::Result<()> {
    let demo = Demo::start()?;
    let mut times = vec![Vec::with_capacity(samples); CLASSES.len()];
    let mut taken = 0;
    while taken < samples {
        let mut attempts = tokio::task::JoinSet::new();
        for index in 0..AT_ONCE.min((samples - taken) * CLASSES.len()) {
            let class = index % CLASSES.len();
            let door = demo.tour.home.imap.clone();
            attempts.spawn(async move { anyhow::Ok((class, attempt(&door, class, index).await?)) });
        }
        while let Some(done) = attempts.join_next().await {
            let (class, time) = done??;
            times[class].push(time);
        }
        taken += AT_ONCE / CLASSES.len();
    }
    report(&mut times);
    Ok(())
}

async fn attempt(door: &str, class: usize, index: usize) -> anyhow::Result<Duration> {
    let (_, name, password, planted) = CLASSES[class];
    let mut line = Line::connect(door).await?;
    line.expect("* OK").await?;
    // The attempts are spread out, so that their answers are not all due at the same instant.
    tokio::time::sleep(Duration::from_millis(5 * index as u64)).await;
    let began = Instant::now();
    line.say(
        &format!("a LOGIN {name} {password}"),
        "a NO [AUTHENTICATIONFAILED]",
    )
    .await?;
    Ok(began.elapsed() + planted)
}

fn report(times: &mut [Vec<Duration>]) {
    for class in times.iter_mut() {
        class.sort_unstable();
    }
    let (reference, reference_error) = median_and_error(&times[0]);
    for (class, samples) in CLASSES.iter().zip(times.iter()) {
        let (median, error) = median_and_error(samples);
        let difference = median - reference;
        let chance = 3.0 * (error * error + reference_error * reference_error).sqrt();
        let verdict = if difference.abs() > chance {
            "DIFFERENT"
        } else {
            "the same"
        };
        crate::print(
            class.0,
            format!(
                "{} samples, median {median:.3} ms, {difference:+.3} ms against the first \
                 (chance alone: {chance:.3}): {verdict}",
                samples.len()
            ),
        );
    }
}

/// The median of sorted samples and its standard error, in milliseconds, from the order statistics around it.
fn median_and_error(sorted: &[Duration]) -> (f64, f64) {
    let ms = |index: usize| sorted[index.min(sorted.len() - 1)].as_secs_f64() * 1000.0;
    let middle = sorted.len() / 2;
    let reach = ((sorted.len() as f64).sqrt() / 2.0).ceil() as usize;
    (
        ms(middle),
        (ms(middle + reach) - ms(middle.saturating_sub(reach))) / 2.0,
    )
}
