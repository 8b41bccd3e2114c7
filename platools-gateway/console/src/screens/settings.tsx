// Settings.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function SettingsScreen(_: ScreenProps) {
  return (
    <Screen title="Settings">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
