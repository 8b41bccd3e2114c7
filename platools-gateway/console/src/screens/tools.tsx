// Tools.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function ToolsScreen(_: ScreenProps) {
  return (
    <Screen title="Tools">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
