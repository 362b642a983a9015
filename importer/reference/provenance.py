"""Where the facts of the reference come from: the vendor's public documentation, at one commit."""

from __future__ import annotations

from typing import Final

DOCS_REPOSITORY: Final = "CommandersAct/Platform-Documentation"
DOCS_COMMIT: Final = "caf913c2b6bfeb0da8e106d68b58b4587c2d4ed6"
DOCS_DATE: Final = "2026-08-21"

_TRACKING = "developers/tracking"
_SOURCES = "features/sources/sources-catalog"
_DESTINATIONS = "features/destinations/destinations-catalog"

DOCS: Final[dict[str, str]] = {
    "ER": f"{_TRACKING}/events-reference/README.md",
    "CE": f"{_TRACKING}/events-reference/common-events.md",
    "EC": f"{_TRACKING}/events-reference/e-commerce-events.md",
    "VE": f"{_TRACKING}/events-reference/video-event-reference.md",
    "CA": f"{_TRACKING}/events-reference/campaign-analytics-module-events.md",
    "AE": f"{_TRACKING}/about-events/README.md",
    "AR": f"{_TRACKING}/about-events/ecommerce-retail-events.md",
    "AW": f"{_TRACKING}/about-events/js-sdk-event-specificity.md",
    "AM": f"{_TRACKING}/about-events/mobile-sdk-event-specificity.md",
    "GP": f"{_TRACKING}/properties-reference/global-properties.md",
    "VP": f"{_TRACKING}/properties-reference/video-properties.md",
    "HT": f"{_SOURCES}/http-tracking-api.md",
    "HT1": f"{_SOURCES}/http-tracking-api/http-tracking-api1_0.md",
    "HS": ".gitbook/assets/http_tracking_api_spec.yaml",
    "PX": f"{_SOURCES}/web/pixel-tracking.md",
    "API": f"{_SOURCES}/import-conversions/api-conversions-and-product-catalog.md",
    "OA": ".gitbook/assets/openapi_ca (2).yml",
    "US": f"{_SOURCES}/import-crm-users/api-users.md",
    "CRM": ".gitbook/assets/CRM_IMPORT_V3.1.xlsx",
    "CSV": ".gitbook/assets/csv_conversions_import_one_file.csv",
    "FB": f"{_DESTINATIONS}/facebook/facebook-conversions-api.md",
    "TT": f"{_DESTINATIONS}/tiktok.md",
    "SC": f"{_DESTINATIONS}/snapchat/snapchat-conversions-api-v3.md",
    "CAL": f"{_DESTINATIONS}/campaign-analysis-legacy.md",
    "DEST": _DESTINATIONS,
    "LEI": "features/sources/live-event-inspector.md",
    "LED": "features/destinations/live-event-inspector.md",
    "MIG": "getting-started/integrating-your-data/migration-guides-to-the-platform-x/migrate-from-ssv1-to-ssv2/"
    "send-data-to-serverside-v2/purchase-event-example-ssv1-to-ssv2.md",
}
"""Short keys to paths in the repository of the documentation."""
