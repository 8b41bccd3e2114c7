// Icons: line drawings of 16 by 16, hidden from screen readers. The text beside an icon names it.

import type { ComponentChildren } from 'preact';

function icon(paths: ComponentChildren) {
  return () => (
    <svg viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      {paths}
    </svg>
  );
}

export const OverviewIcon = icon(<path d="M2 13.5h12M4 13.5V9M8 13.5V3M12 13.5V6.5" />);
export const WorkersIcon = icon(
  <>
    <rect x="2" y="2.5" width="12" height="4.5" rx="1" />
    <rect x="2" y="9" width="12" height="4.5" rx="1" />
    <path d="M4.5 4.75h.01M4.5 11.25h.01" />
  </>,
);
export const ToolsIcon = icon(<path d="M9.5 6.5a3.2 3.2 0 0 1 4.2-4L11.5 4.700l.3 1.5 1.5.3 2.2-2.200a3.2 3.2 0 0 1-4 4.200L5 15a1.4 1.4 0 0 1-2-2z" transform="translate(-1 -1)" />);
export const CallsIcon = icon(<path d="M2 4.500h9l-2.5-2.500M14 11.500H5l2.5 2.5" />);
export const ConversationsIcon = icon(<path d="M2.5 3h11v8H8l-3 2.500V11H2.500z" />);
export const ChannelsIcon = icon(
  <>
    <circle cx="8" cy="8" r="1.5" />
    <path d="M4.8 4.800a4.5 4.5 0 0 0 0 6.400M11.2 4.800a4.5 4.5 0 0 1 0 6.400M2.7 2.700a7.5 7.5 0 0 0 0 10.600M13.3 2.700a7.5 7.5 0 0 1 0 10.6" />
  </>,
);
export const AccessIcon = icon(
  <>
    <circle cx="5" cy="11" r="3" />
    <path d="M7.2 8.8 13.5 2.500M11 5l2 2" />
  </>,
);
export const AuditIcon = icon(<path d="M3.5 2h9v12h-9zM6 5.500h4M6 8h4M6 10.500h2" />);
export const LogIcon = icon(<path d="M2.5 4l3 3-3 3M7.5 11h6" />);
export const SettingsIcon = icon(<path d="M2 4.500h7M13 4.500h1M2 11.500h1M7 11.500h7M11 3v3M5 10v3" />);
export const GatewaysIcon = icon(
  <>
    <circle cx="8" cy="3.5" r="1.7" />
    <circle cx="3.5" cy="12" r="1.7" />
    <circle cx="12.5" cy="12" r="1.7" />
    <path d="M7.2 5 4.3 10.500M8.8 5l2.9 5.500M5.2 12h5.6" />
  </>,
);
export const ConnectIcon = icon(<path d="M6 2v3M10 2v3M4 5h8v2.500a4 4 0 0 1-8 0zM8 11.500V14" />);
export const MenuIcon = icon(<path d="M2 4h12M2 8h12M2 12h12" />);
export const CloseIcon = icon(<path d="m4 4 8 8M12 4l-8 8" />);
export const CopyIcon = icon(
  <>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1" />
    <path d="M3.5 10.500h-1v-8h8v1" />
  </>,
);
export const CheckIcon = icon(<path d="m3 8.5 3.5 3.500L13 4.5" />);
export const SunIcon = icon(
  <>
    <circle cx="8" cy="8" r="3" />
    <path d="M8 1.500v1M8 13.500v1M1.5 8h1M13.5 8h1M3.4 3.400l.7.7M11.9 11.900l.7.7M3.4 12.600l.7-.7M11.9 4.100l.7-.7" />
  </>,
);
export const MoonIcon = icon(<path d="M13.5 9.500A6 6 0 1 1 6.5 2.500a4.8 4.8 0 0 0 7 7z" />);
export const RefreshIcon = icon(<path d="M13.5 8a5.5 5.5 0 1 1-1.7-4M13.5 2v2.700h-2.7" />);
