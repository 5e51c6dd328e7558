//! What the gateway records of a phone's question, as long as it is in earnest.

use contracts::customization::observation::Event;
use contracts::customization::{AnsweredWithProvider, Asked, Evidence, Observation};

use crate::questions::{MODEL, mac, scattered, serial};

/// The moment of the first question.
const BEGINNING: i64 = 1_795_370_400_000_000;

/// Questions of so many phones, one phone after the other in any order, and again.
pub struct Questions {
    phones: u64,
    asked: u64,
}

impl Questions {
    pub fn of(phones: u32) -> Self {
        Self { phones: phones.into(), asked: 0 }
    }

    /// The next so many, with their answers.
    pub fn next_ones(&mut self, count: u64) -> Vec<Observation> {
        (0..count).flat_map(|_| self.next_one()).collect()
    }

    fn next_one(&mut self) -> [Observation; 2] {
        self.asked += 1;
        // Odd, so that every phone comes once in a round.
        let phone = self.asked.wrapping_mul(0x9e37_79b1) % self.phones;
        let mac = mac(u32::try_from(phone).unwrap_or_default());
        let serial = serial(mac);
        let question =
            format!("GET /software/edos/callhome/rc mac={mac:012x} serial={serial} model={MODEL} firmware=11.0.1");
        let answer = AnsweredWithProvider {
            profile_id: "prf_0123456789abcdefghjk".to_owned(),
            rule: "[--key ****] https://nps.example.net/provisioning/$MA.xml".to_owned(),
        };
        [
            self.observation(mac, 0, Event::Asked(Asked { question })),
            self.observation(mac, 1, Event::AnsweredWithProvider(answer)),
        ]
    }

    fn observation(&self, mac: u64, later: u8, event: Event) -> Observation {
        let random = scattered(self.asked);
        let at = BEGINNING + i64::try_from(self.asked).unwrap_or_default() * 20 + i64::from(later);
        Observation {
            id: [at.to_be_bytes(), random.to_be_bytes()].concat(),
            mac,
            at,
            evidence: Evidence::Observed.into(),
            event: Some(event),
            source: "192.0.2.77".to_owned(),
            request_id: format!("{random:016x}"),
            provider_id: "prv_0123456789abcdefghjk".to_owned(),
            firmware: "11.0.1".to_owned(),
            model: MODEL.to_owned(),
            ..Observation::default()
        }
    }
}
