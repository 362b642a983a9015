"""The video events: four groups of properties, and the little in which the events of a group differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from importer.reference.model import Event, Property

if TYPE_CHECKING:
    from collections.abc import Iterable

AD_TYPES: Final = ("pre-roll", "mid-roll", "post-roll")
LOAD_TYPES: Final = ("dynamic", "linear")

_DOCS = ("VE", "VP")
_WITH_ADS = "seconds, ads included"
_WITHOUT_ADS = "seconds, without ads"
_LIVE = "the video is a livestream"
_SAMPLE_ARRAY = "text says one id; the samples send an array"

_SESSION = Property("video_session_id", "string", "yes")
_TITLE = Property("video_title", "string")
_CATEGORY = Property("video_category", "string")
_PUBLISHER = Property("publisher", "string")
_CONTENT = Property("content_asset_id", "string", "yes")
_CONTENT_POD = Property("content_pod_id", "string")
_AD = Property("ad_asset_id", "string")
_AD_POD = Property("ad_pod_id", "string")
_AD_TYPE = Property("ad_type", "string", enum=AD_TYPES)
_CURSOR = Property("cursor_position", "integer", "yes", unit=_WITHOUT_ADS)
_LENGTH = Property("total_length", "integer", "yes", unit=_WITHOUT_ADS, null_when=_LIVE, waived_by="livestream")
_BITRATE = Property("bitrate", "integer", unit="kbps")
_FRAMERATE = Property("framerate", "number", unit="frames a second")
_SOUND = Property("sound", "integer")
_FULL_SCREEN = Property("full_screen", "boolean")
_AD_ENABLED = Property("ad_enabled", "boolean")
_QUALITY = Property("image_quality", "string")
_LIVESTREAM = Property("livestream", "boolean")
_USER = Property(
    "user",
    "object",
    "conditional",
    "not in the video tables, but VP lists it for all of them and the API's specification requires it",
    schema="user",
)
_PROGRAMME = (
    _TITLE,
    Property("video_description", "string"),
    Property("keywords", "array", item_type="string"),
    Property("season", "string"),
    Property("episode", "string"),
    _CATEGORY,
    Property("program", "string"),
    _PUBLISHER,
    Property("channel", "string"),
    Property("full_episode", "boolean"),
    _LIVESTREAM,
    Property("airdate", "date", format="date"),
    _CURSOR,
    _LENGTH,
)

_PLAYBACK = (
    _SESSION,
    _TITLE,
    _CATEGORY,
    _PUBLISHER,
    replace(_CONTENT, note=_SAMPLE_ARRAY),
    replace(_CONTENT_POD, note=_SAMPLE_ARRAY),
    _AD,
    _AD_POD,
    _AD_TYPE,
    replace(_CURSOR, unit=_WITH_ADS),
    replace(_LENGTH, unit=_WITH_ADS),
    _BITRATE,
    _FRAMERATE,
    Property("video_player", "string"),
    replace(_SOUND, bounds=(0, 100)),
    _FULL_SCREEN,
    _AD_ENABLED,
    _QUALITY,
    _LIVESTREAM,
    _USER,
)

_CONTENT_PART = (_SESSION, _CONTENT, _CONTENT_POD, *_PROGRAMME, _BITRATE, _FRAMERATE, _USER)

_AD_PART = (
    _SESSION,
    replace(_AD, required="yes"),
    replace(_AD_POD, required="yes"),
    Property("pod_position", "integer"),
    _AD_TYPE,
    Property("pod_length", "integer"),
    _TITLE,
    _PUBLISHER,
    replace(_CURSOR, unit="seconds within the ad"),
    replace(_LENGTH, unit="seconds", null_when="", waived_by=""),
    Property("load_type", "string", enum=LOAD_TYPES),
    _USER,
)

_COLUMN_SAYS_YES = "the column says required for all events of the table, the text for this one or another only"
_SETTINGS = (
    _SESSION,
    _CONTENT,
    _CONTENT_POD,
    _AD,
    _AD_POD,
    _AD_TYPE,
    *_PROGRAMME,
    _FRAMERATE,
    replace(_BITRATE, required="yes"),
    replace(_SOUND, note=_COLUMN_SAYS_YES),
    replace(_FULL_SCREEN, note=_COLUMN_SAYS_YES),
    _AD_ENABLED,
    replace(_QUALITY, note=_COLUMN_SAYS_YES),
    _USER,
)


def _as_array(prop: Property) -> Property:
    return replace(prop, type="array", item_type="string", note="an array on this event only")


def _settings_with(required: str) -> tuple[Property, ...]:
    return tuple(replace(prop, required="yes") if prop.path == required else prop for prop in _SETTINGS)


def _after(path: str, prop: Property, group: tuple[Property, ...]) -> tuple[Property, ...]:
    position = 1 + next(index for index, other in enumerate(group) if other.path == path)
    return (*group[:position], prop, *group[position:])


_IDS = {prop.path for prop in (_CONTENT, _CONTENT_POD, _AD, _AD_POD)}
_START = tuple(_as_array(prop) if prop.path in _IDS else prop for prop in _PLAYBACK)
_BUFFER = tuple(replace(prop, required="no") if prop.path == _CURSOR.path else prop for prop in _PLAYBACK)
_SEEK_POSITION = Property("seek_position", "integer", condition="has a meaning on the two seek events only")
_SEEK = _after("cursor_position", _SEEK_POSITION, _PLAYBACK)
_INTERRUPTION = Property(
    "interruption_method",
    "string",
    condition="has a meaning on video_error only",
    recommended=("device_lock", "call", "browser_redirect", "network_loss"),
)
_ERROR = _after("image_quality", _INTERRUPTION, _PLAYBACK)
_QUARTILE = Property("ad_quartile", "integer", condition="has a meaning on video_ad_playing only")
_AD_PLAYING = _after("load_type", _QUARTILE, _AD_PART)

_AT_END = "cursor_position equals total_length"


def _events(category: str, rows: Iterable[tuple[str, tuple[Property, ...], str]]) -> tuple[Event, ...]:
    return tuple(Event(name, category, _DOCS, properties, note) for name, properties, note in rows)


VIDEO_EVENTS: Final = (
    *_events("video_playback", (
        ("video_start", _START, "the four ids are arrays"),
        ("video_pause", _PLAYBACK, ""),
        ("video_error", _ERROR, "may carry interruption_method"),
        ("video_buffer_start", _BUFFER, "cursor_position is not required"),
        ("video_buffer_complete", _BUFFER, "cursor_position is not required"),
        ("video_seek_start", _SEEK, "add seek_position"),
        ("video_seek_complete", _SEEK, "add seek_position, equal to cursor_position"),
        ("video_resume", _PLAYBACK, "followed by video_content_playing or video_ad_playing"),
        ("video_complete", _PLAYBACK, _AT_END),
    )),
    *_events("video_content", (
        ("video_content_start", _CONTENT_PART, ""),
        ("video_content_playing", _CONTENT_PART, ""),
        ("video_content_quarter_reached", _CONTENT_PART, ""),
        ("video_content_complete", _CONTENT_PART, _AT_END),
    )),
    *_events("video_ad", (
        ("video_ad_start", _AD_PART, ""),
        ("video_ad_playing", _AD_PLAYING, ""),
        ("video_ad_stop", _AD_PART, "described in the words of video_ad_complete"),
        ("video_ad_complete", _AD_PART, _AT_END),
        ("video_ad_skip", _AD_PART, ""),
        ("video_ad_break_start", _AD_PART, ""),
        ("video_ad_break_complete", _AD_PART, _AT_END),
        ("video_ad_click", _AD_PART, ""),
    )),
    *_events("video_settings", (
        ("video_volume", _settings_with("sound"), "sound is required"),
        ("video_speed", _SETTINGS, ""),
        ("video_subtitle_on", _SETTINGS, ""),
        ("video_subtitle_off", _SETTINGS, ""),
        ("video_fullscreen_on", _settings_with("full_screen"), "full_screen is required"),
        ("video_fullscreen_off", _settings_with("full_screen"), "full_screen is required"),
        ("video_quality", _settings_with("image_quality"),
         "image_quality is required; startupTime and droppedFrames are named, without a type"),
        ("video_share", _SETTINGS, ""),
    )),
)  # fmt: skip
