//! Which mailbox an address means, with a plus-detail or without, and how the site's addresses become those of
//! envelopes.

use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::ports::{Directory, DirectoryError};
use sekisho_checkpoint::{Account, AccountId};
use sekisho_smtp::Path;

/// The local part of the address from which system mail is sent: a failure of such mail comes back to nobody's mailbox.
pub const BOUNCES: &str = "mfa-bounce";

/// The accounts that receive mail for an address: those that have the address itself, else those that have it without
/// its `+detail`.
///
/// # Errors
/// The directory can't be asked just now.
pub async fn accounts_of(
    directory: &dyn Directory,
    address: &MailAddress,
) -> Result<Vec<AccountId>, DirectoryError> {
    let accounts = directory.recipients(address).await?;
    match without_detail(address) {
        Some(base) if accounts.is_empty() => directory.recipients(&base).await,
        _ => Ok(accounts),
    }
}

/// Whether an account may send in the name of an address: one of its own, or one of them with a detail.
#[must_use]
pub fn may_send_as(account: &Account, address: &MailAddress) -> bool {
    let is_own = |address: &MailAddress| {
        let folded = address.folded();
        account.addresses.iter().any(|own| own.folded() == folded)
    };
    is_own(address) || without_detail(address).is_some_and(|base| is_own(&base))
}

fn without_detail(address: &MailAddress) -> Option<MailAddress> {
    let (base, _detail) = address.local().split_once('+')?;
    MailAddress::parse(&format!("{base}@{}", address.domain())).ok()
}

/// An envelope's address as the site writes addresses; `None` if it can't be written so.
#[must_use]
pub fn address_of(path: &Path) -> Option<MailAddress> {
    MailAddress::parse(path.as_str()).ok()
}

/// A mail address as envelopes carry it.
#[must_use]
pub fn path_of(address: &MailAddress) -> Path {
    Path::parse(&address.to_string()).expect("a path takes all that an address may hold")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_address_is_a_path(typed in "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~é利ａ.-]{1,20}@[a-zé大ａ。.-]{1,20}") {
            if let Ok(address) = MailAddress::parse(&typed) {
                let path = path_of(&address);
                prop_assert_eq!(path.as_str(), address.to_string());
                prop_assert_eq!(address_of(&path), Some(address));
            }
        }
    }
}
