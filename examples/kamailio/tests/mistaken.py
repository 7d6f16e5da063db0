"""The routing script, with a mistake in it that comes to light when the call has been placed."""

import dialer


def _mistaken(_offer):
    raise RuntimeError("a mistake")


dialer.no_media = _mistaken
mod_init = dialer.mod_init
